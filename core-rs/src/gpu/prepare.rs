// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! What a boot makes before it touches the hardware: files read, firmware signed, memory filled. Whatever can be missing or
//! damaged is found out here, where giving up costs nothing.

use super::config::BootConfig;
use super::files;
use super::image::Image;
use super::running::{Hardware, Unload};
use super::Gpu;
use crate::boot::sec2;
use crate::boot::ucode::SignedUcode;
use crate::error::{Kind, Result};
use crate::fb::heap::Mode;
use crate::fb::layout::Inputs;
use crate::fb::{probe, Layout};
use crate::firmware::booter::HsFirmware;
use crate::firmware::bootloader::Bootloader;
use crate::firmware::gsp::GspImage;
use crate::libos::Libos;
use crate::mem::Owned;
use crate::platform::Platform;
use crate::release::Release;
use crate::rpc::{registry, system_info, Channel};
use crate::vbios::prom::Prom;
use crate::vbios::{Command, Fwsec};

/// What starting the firmware needs; dropped when it is up, but for the channel. If it does not come up, it has to be taken down
/// first: until then it may use any of this.
pub(super) struct Prepared<P: Platform> {
    pub(super) layout: Layout,
    pub(super) channel: Owned<P, Channel<P>>,
    pub(super) image: Image<P>,
    pub(super) frts: SignedUcode<P>,
    pub(super) scrubber: Option<SignedUcode<P>>,
    pub(super) booter: SignedUcode<P>,
    /// Device address of the LibOS arguments.
    pub(super) libos_args: u64,
    /// Version of the bootloader's application.
    pub(super) app_version: u32,
}

impl<P: Platform> Prepared<P> {
    /// The channel and where things lie; the image and all else that has served its purpose is given back.
    pub(super) fn into_channel(self) -> (Owned<P, Channel<P>>, Layout) {
        (self.channel, self.layout)
    }
}

impl<P: Platform> Gpu<P> {
    /// Makes all a boot needs; what has to live until the firmware is down goes into `hardware`.
    #[inline(never)]
    pub(super) fn prepare(
        &self,
        config: &BootConfig<'_>,
        hardware: &mut Hardware<P>,
        step: &mut &'static str,
    ) -> Result<Prepared<P>> {
        let platform = &self.platform;
        *step = "reading the firmware image";
        let (release, file) = files::find(platform, self.chip, config.release)?;
        let image = GspImage::parse(file.bytes(), self.chip.signature_section)?;
        if image.release.name != release.name {
            return Err(Kind::ReleaseMismatch.into());
        }
        *step = "reading the bootloader";
        let file = files::load(platform, self.chip, release, "bootloader")?;
        let bootloader = Bootloader::parse(file.bytes())?;

        *step = "laying out the frame buffer";
        let layout = self.lay_out(config, &image, &bootloader)?;
        *step = "reading the booter";
        let booter = self.signed(release, "booter_load")?;
        let unload_booter = self.signed(release, "booter_unload")?;
        let scrubber = self.scrubber(config, release, &layout)?;
        *step = "reading the VBIOS";
        let (frts, fwsec_sb) = self.fwsec(&layout)?;

        *step = "making the firmware's memory";
        let image = Image::new(platform, &image, &bootloader, &layout)?;
        let (channel, libos_args) = self.queues(release)?;
        *step = "writing the firmware's first messages";
        system_info::send(&channel, &config.system_info(self.chip))?;
        registry::send(&channel, config.vgpu_host)?;

        hardware.unload = Some(Unload {
            fwsec_sb,
            booter: unload_booter,
        });
        Ok(Prepared {
            layout,
            channel,
            image,
            frts,
            scrubber,
            booter,
            libos_args,
            app_version: bootloader.app_version,
        })
    }

    #[inline(never)]
    fn lay_out(&self, config: &BootConfig<'_>, image: &GspImage<'_>, bootloader: &Bootloader<'_>) -> Result<Layout> {
        let found = probe::read(&self.platform, self.chip)?;
        let inputs = Inputs {
            fb_size: found.size,
            vga_workspace: found.vga_workspace,
            mmu_lock: found.mmu_lock,
            bootloader_size: bootloader.image.len() as u64,
            image_size: image.image.len() as u64,
            mode: match config.vgpu_host {
                true => Mode::VgpuHost { vfs: config.total_vfs },
                false => Mode::BareMetal,
            },
        };
        Layout::new(self.chip.fb, image.release, &inputs)
    }

    /// The queues, and the LibOS arguments that lead the firmware to them; their device address.
    #[inline(never)]
    fn queues(&self, release: &'static Release) -> Result<(Owned<P, Channel<P>>, u64)> {
        let channel = Owned::new(&self.platform, || Channel::new(&self.platform, release))?;
        let queues = channel.init_arguments();
        let libos = Owned::new(&self.platform, || Libos::new(&self.platform, release, &queues))?;
        let args = libos.addr();
        *self.libos.lock() = Some(libos);
        Ok((channel, args))
    }

    /// A SEC2 firmware of the release, signed for this GPU.
    #[inline(never)]
    fn signed(&self, release: &Release, what: &str) -> Result<SignedUcode<P>> {
        let file = files::load(&self.platform, self.chip, release, what)?;
        SignedUcode::from_file(&self.platform, &HsFirmware::parse(file.bytes())?)
    }

    /// The scrubber, if it has to run: what the firmware takes exceeds what the GPU's start has scrubbed. A release that ships
    /// none does that by itself.
    fn scrubber(&self, config: &BootConfig<'_>, release: &Release, layout: &Layout) -> Result<Option<SignedUcode<P>>> {
        let wanted = config.vgpu_host && self.chip.vgpu_needs_scrubber && release.files.scrubber;
        if !wanted || !sec2::needs_scrub(&self.platform, layout.fb_size, layout.non_wpr_heap.start)? {
            return Ok(None);
        }
        self.signed(release, "scrubber").map(Some)
    }

    /// FWSEC twice: for making WPR2, and for the way down.
    #[inline(never)]
    fn fwsec(&self, layout: &Layout) -> Result<(SignedUcode<P>, SignedUcode<P>)> {
        let rom = Prom::read(&self.platform)?;
        let fwsec = Fwsec::find(rom.bytes())?;
        let frts = Command::Frts {
            addr: layout.frts.start,
            size: layout.frts.size,
        };
        Ok((
            SignedUcode::fwsec(&self.platform, &fwsec, frts)?,
            SignedUcode::fwsec(&self.platform, &fwsec, Command::Sb)?,
        ))
    }
}
