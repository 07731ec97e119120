// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Events of the firmware.
//!
//! Their numbers move between releases and some bodies grow, so both come from the release's table. Layouts' source: OpenRM of
//! the release, `g_rpc-structures.h`.

use super::sequencer::Sequence;
use crate::error::{Error, Kind, Result};
use crate::event::{Event, Happening};
use crate::platform::{Level, Platform};
use crate::release::Release;
use crate::text::Text;
use crate::wire;

/// Longest line of another engine's log that is passed on.
const LINE_MAX: usize = 200;

/// An event, as far as it is understood.
#[derive(Clone, Copy)]
pub enum GspEvent<'a> {
    /// The firmware is up, or could not start.
    InitDone {
        /// 0 if it is up.
        result: u32,
    },
    /// Register work for the CPU.
    RunCpuSequencer(Sequence<'a>),
    /// An event object of a client fired.
    PostEvent {
        /// The client.
        client: u32,
        /// Its event object.
        event: u32,
        /// What the client asked to be told about.
        notify_index: u32,
        /// RM status.
        status: u32,
        /// Further data.
        data: &'a [u8],
    },
    /// A channel was stopped because of an error.
    RcTriggered {
        /// `NV2080_ENGINE_TYPE_*`
        engine: u32,
        /// Channel id.
        channel: u32,
        /// Graphics function of the channel, where the release says it.
        gfid: Option<u32>,
        /// Exception type (Xid).
        exception: u32,
    },
    /// An MMU fault waits in the fault buffer.
    MmuFaultQueued,
    /// An error in words.
    OsErrorLog {
        /// Exception type (Xid).
        exception: u32,
        /// Channel id.
        channel: u32,
        /// The words.
        text: &'a [u8],
    },
    /// Log of another engine's firmware.
    LibosPrint {
        /// Which engine.
        engine: u32,
        /// Raw log bytes.
        data: &'a [u8],
    },
    /// The firmware locks the GPU down, or opens it again.
    LockdownNotice {
        /// `true`: from now on only the firmware may touch the GPU.
        engaging: bool,
    },
    /// A vGPU's plugin has answered or wants something.
    PluginTriggered {
        /// Its graphics function.
        gfid: u32,
    },
    /// An event of the table that needs nothing from this core.
    Ignored {
        /// Its number.
        number: u32,
    },
    /// A number the table does not know.
    Unknown {
        /// The number.
        number: u32,
    },
}

impl<'a> GspEvent<'a> {
    /// Reads event `number` with RPC result `result` and body `body`.
    ///
    /// # Errors
    /// - [`Kind::MessageTooShort`]: the body ends before its last field.
    /// - [`Kind::EventLength`]: a length inside the body is longer than the body.
    /// - Those of [`Sequence::parse`].
    pub fn parse(release: &Release, number: u32, result: u32, body: &'a [u8]) -> Result<Self> {
        let numbers = &release.events;
        let field = |offset| wire::get_u32(body, offset);
        let event = if number == numbers.gsp_init_done {
            GspEvent::InitDone { result }
        } else if number == numbers.gsp_run_cpu_sequencer {
            GspEvent::RunCpuSequencer(Sequence::parse(release, body)?)
        } else if number == numbers.post_event {
            let layout = &release.post_event;
            GspEvent::PostEvent {
                client: field(layout.h_client)?,
                event: field(layout.h_event)?,
                notify_index: field(layout.notify_index)?,
                status: field(layout.status)?,
                data: tail(body, layout.event_data, field(layout.event_data_size)?)?,
            }
        } else if number == numbers.rc_triggered {
            let layout = &release.rc_triggered;
            GspEvent::RcTriggered {
                engine: field(layout.engine_type)?,
                channel: field(layout.chid)?,
                gfid: layout.gfid.map(field).transpose()?,
                exception: field(layout.except_type)?,
            }
        } else if number == numbers.mmu_fault_queued {
            GspEvent::MmuFaultQueued
        } else if number == numbers.os_error_log {
            let layout = &release.os_error_log;
            GspEvent::OsErrorLog {
                exception: field(layout.except_type)?,
                channel: field(layout.chid)?,
                text: wire::until_nul(tail(body, layout.text.at, layout.text.len() as u32)?),
            }
        } else if number == numbers.ucode_libos_print {
            let layout = &release.libos_print;
            GspEvent::LibosPrint {
                engine: field(layout.engine_desc)?,
                data: tail(body, layout.data, field(layout.len)?)?,
            }
        } else if number == numbers.gsp_lockdown_notice {
            GspEvent::LockdownNotice {
                engaging: wire::get_u8(body, release.lockdown_notice.engaging)? != 0,
            }
        } else if number == numbers.vgpu_gsp_plugin_triggered {
            GspEvent::PluginTriggered {
                gfid: field(release.plugin_triggered.gfid)?,
            }
        } else if number < numbers.end {
            GspEvent::Ignored { number }
        } else {
            GspEvent::Unknown { number }
        };
        Ok(event)
    }

    /// What the user of the core is told, if it concerns them.
    pub fn public(&self) -> Option<Event> {
        let mut event;
        match *self {
            GspEvent::RcTriggered {
                channel,
                gfid,
                exception,
                ..
            } => {
                event = Event::new(Happening::RcError);
                event.vf = gfid.and_then(vf_of);
                event.channel = Some(channel);
                event.code = exception;
            }
            GspEvent::MmuFaultQueued => event = Event::new(Happening::MmuFault),
            GspEvent::OsErrorLog {
                exception,
                channel,
                text,
            } => {
                event = Event::new(Happening::OsError);
                event.channel = Some(channel);
                event.code = exception;
                event.text.printable(text);
            }
            GspEvent::LockdownNotice { engaging } => {
                event = Event::new(Happening::GspLockdown);
                event.code = engaging.into();
            }
            GspEvent::PluginTriggered { gfid } => {
                event = Event::new(Happening::VgpuPlugin);
                event.vf = vf_of(gfid);
            }
            _ => return None,
        }
        Some(event)
    }

    /// Says in the log what belongs there.
    pub fn log<P: Platform>(&self, platform: &P) {
        let mut line = Text::<LINE_MAX>::new();
        let level = match *self {
            GspEvent::RcTriggered { channel, exception, .. } => {
                line.str("channel ")
                    .dec(channel.into())
                    .str(" stopped: Xid ")
                    .dec(exception.into());
                Level::Error
            }
            GspEvent::OsErrorLog { exception, text, .. } => {
                line.str("Xid ").dec(exception.into()).str(": ").printable(text);
                Level::Error
            }
            GspEvent::LibosPrint { engine, data } => {
                line.str("log of engine ").hex(engine.into()).str(": ").printable(data);
                Level::Debug
            }
            GspEvent::LockdownNotice { engaging } => {
                line.str(if engaging {
                    "the firmware locks the GPU"
                } else {
                    "the firmware unlocks the GPU"
                });
                Level::Info
            }
            GspEvent::Unknown { number } => {
                line.str("unknown firmware event ").hex(number.into());
                Level::Warn
            }
            _ => return,
        };
        platform.log(level, line.as_str());
    }
}

/// Index of the VF that is graphics function `gfid`; 0 is the PF.
fn vf_of(gfid: u32) -> Option<u32> {
    gfid.checked_sub(1)
}

/// `len` bytes of `body` from `start`.
fn tail(body: &[u8], start: usize, len: u32) -> Result<&[u8]> {
    let rest = body
        .get(start..)
        .ok_or_else(|| Error::mismatch(Kind::MessageTooShort, start as u64, body.len() as u64))?;
    rest.get(..len as usize)
        .ok_or_else(|| Error::mismatch(Kind::EventLength, rest.len() as u64, len.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release;

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|w| w.to_le_bytes()).collect()
    }

    fn public(release: &Release, number: u32, body: &[u8]) -> Option<Event> {
        GspEvent::parse(release, number, 0, body).unwrap().public()
    }

    #[test]
    fn numbers_and_bodies_are_the_releases() {
        let [new, old] = release::ALL;
        // 0x101c is the lockdown notice in 570 and NVLINK_FAULT_UP in 535, where the notice is 0x101d.
        assert_eq!(public(new, 0x101c, &[1]).unwrap().what, Happening::GspLockdown);
        assert!(public(old, 0x101c, &[1]).is_none());
        assert_eq!(public(old, 0x101d, &[1]).unwrap().code, 1);
        // 570 put gfid and level before the exception type.
        let event = public(new, 0x1004, &words(&[1, 77, 3, 9, 31, 0, 0, 0, 0, 0, 0, 0])).unwrap();
        assert_eq!((event.vf, event.channel, event.code), (Some(2), Some(77), 31));
        let event = public(old, 0x1004, &words(&[1, 77, 31, 0, 0])).unwrap();
        assert_eq!((event.vf, event.channel, event.code), (None, Some(77), 31));
    }

    #[test]
    fn words_of_the_firmware_are_made_printable() {
        let mut body = words(&[13, 0, 5]);
        body.extend_from_slice(b"graphics\x1b[31m \xff error\0behind");
        body.resize(272, 0);
        let event = public(release::ALL[0], 0x1006, &body).unwrap();
        assert_eq!(event.text.as_str(), "graphics.[31m . error");
    }

    #[test]
    fn every_body_must_be_whole() {
        for release in release::ALL {
            for (number, shortest) in [
                (release.events.post_event, release.post_event.event_data),
                (release.events.rc_triggered, release.rc_triggered.except_type + 4),
                (
                    release.events.os_error_log,
                    release.os_error_log.text.at + release.os_error_log.text.len(),
                ),
                (release.events.ucode_libos_print, release.libos_print.data),
                (release.events.gsp_lockdown_notice, 1),
                (release.events.vgpu_gsp_plugin_triggered, 4),
            ] {
                let body = vec![0; shortest];
                assert!(GspEvent::parse(release, number, 0, &body).is_ok(), "{number:#x}");
                for len in 0..shortest {
                    assert!(
                        GspEvent::parse(release, number, 0, &body[..len]).is_err(),
                        "{number:#x} {len}"
                    );
                }
            }
        }
    }

    #[test]
    fn inner_lengths_stay_inside_the_body() {
        let release = release::ALL[0];
        let mut body = vec![0; 64];
        wire::put_u32(&mut body, release.libos_print.len, u32::MAX).unwrap();
        let error = GspEvent::parse(release, release.events.ucode_libos_print, 0, &body)
            .err()
            .unwrap();
        assert_eq!(error.kind(), Kind::EventLength);
        let mut body = vec![0; 64];
        wire::put_u32(&mut body, release.post_event.event_data_size, 64).unwrap();
        let error = GspEvent::parse(release, release.events.post_event, 0, &body)
            .err()
            .unwrap();
        assert_eq!(error.kind(), Kind::EventLength);
    }

    #[test]
    fn unknown_and_ignored_numbers() {
        let release = release::ALL[1];
        assert!(matches!(
            GspEvent::parse(release, 0x1008, 0, &[]),
            Ok(GspEvent::Ignored { .. })
        ));
        assert!(matches!(
            GspEvent::parse(release, 0x1022, 0, &[]),
            Ok(GspEvent::Unknown { .. })
        ));
    }
}
