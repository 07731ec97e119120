// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! A client of the resource manager with a device and a subdevice: what controls on the GPU need.

use super::control::Target;
use super::status;
use crate::error::{Error, Kind, Result};
use crate::platform::Platform;
use crate::rpc::{Channel, ReplySize};
use crate::wire;

/// Handles as nouveau and OpenRM's own clients number them (`rm/handles.h`), so that firmware logs read alike.
const CLIENT: u32 = 0xc1d0_0000;
const DEVICE: u32 = 0xde1d_0000;
const SUBDEVICE: u32 = 0x5d1d_0000;

/// Room for GSP_RM_ALLOC's header of any release (32 bytes).
const HEADER_MAX: usize = 32;
/// Room for the parameters of the three classes in any release (`NV0000_ALLOC_PARAMETERS`: 120 bytes in 570).
const PARAMS_MAX: usize = 128;
/// Room for FREE's `NVOS00_PARAMETERS`.
const FREE_MAX: usize = 16;

/// A client. It lives in the firmware until [`Client::free`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    handle: u32,
}

impl Client {
    /// Makes client number `id` (at most 0xffff) with its device and subdevice.
    ///
    /// # Errors
    /// Those of [`Channel::call`] and [`Kind::RmRefused`] with its kin; [`Kind::AllocReply`]. What had been made is freed again.
    pub fn new<P: Platform>(channel: &Channel<P>, id: u16) -> Result<Self> {
        let client = Client {
            handle: CLIENT | u32::from(id),
        };
        client.alloc_tree(channel).map_err(|error| {
            // Even the root may be there: the command may have been carried out and only its reply lost. The first failure is
            // the one to tell; what cannot be freed either dies with the firmware.
            let _ = client.free(channel);
            error
        })?;
        Ok(client)
    }

    fn alloc_tree<P: Platform>(&self, channel: &Channel<P>) -> Result<()> {
        let release = channel.release();
        let classes = &release.classes;
        let mut params = [0; PARAMS_MAX];
        let root = &release.root_alloc;
        wire::put_u32(&mut params, root.h_client, self.handle)?;
        // No process of the host stands behind this client.
        wire::put_u32(&mut params, root.process_id, u32::MAX)?;
        self.alloc(channel, 0, self.handle, classes.root, &params, root.size)?;

        let device = &release.device_alloc;
        let mut params = [0; PARAMS_MAX];
        wire::put_u32(&mut params, device.h_client_share, self.handle)?;
        self.alloc(channel, self.handle, DEVICE, classes.device, &params, device.size)?;

        let size = release.subdevice_alloc.size;
        self.alloc(channel, DEVICE, SUBDEVICE, classes.subdevice, &[0; PARAMS_MAX], size)
    }

    /// The client's handle.
    pub fn handle(&self) -> u32 {
        self.handle
    }

    /// Its subdevice, where controls on the GPU go.
    pub fn subdevice(&self) -> Target {
        Target {
            client: self.handle,
            object: SUBDEVICE,
        }
    }

    fn alloc<P: Platform>(
        &self,
        channel: &Channel<P>,
        parent: u32,
        object: u32,
        class: u32,
        params: &[u8; PARAMS_MAX],
        size: usize,
    ) -> Result<()> {
        let release = channel.release();
        let layout = &release.rm_alloc;
        let mut header = [0; HEADER_MAX];
        for (offset, value) in [
            (layout.h_client, self.handle),
            (layout.h_parent, parent),
            (layout.h_object, object),
            (layout.h_class, class),
            (layout.params_size, size as u32),
        ] {
            wire::put_u32(&mut header, offset, value)?;
        }
        let header = wire::bytes(&header, 0, layout.params)?;
        let params = wire::bytes(params, 0, size)?;
        let function = release.functions.gsp_rm_alloc;
        channel.call(function, &[header, params], ReplySize::ONE_ELEMENT, |reply| {
            if reply.len() < layout.params || wire::get_u32(reply, layout.h_object)? != object {
                return Err(Error::found(Kind::AllocReply, reply.len() as u64));
            }
            status::check(wire::get_u32(reply, layout.status)?)
        })
    }

    /// Frees the client and everything below it.
    ///
    /// # Errors
    /// Those of [`Channel::call`] and [`Kind::RmRefused`] with its kin.
    pub fn free<P: Platform>(self, channel: &Channel<P>) -> Result<()> {
        let release = channel.release();
        let layout = &release.rm_free;
        let mut body = [0; FREE_MAX];
        wire::put_u32(&mut body, layout.h_root, self.handle)?;
        wire::put_u32(&mut body, layout.h_object_old, self.handle)?;
        let body = wire::bytes(&body, 0, layout.size)?;
        channel.call(release.functions.free, &[body], ReplySize::ONE_ELEMENT, |reply| {
            status::check(wire::get_u32(reply, layout.status)?)
        })
    }
}
