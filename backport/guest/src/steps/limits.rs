// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Several vGPUs at once, and how many there can be.

use super::{
    admin::{creatable, set_type, try_type},
    memory::{check_framebuffer, write_framebuffer},
    Cell,
};
use crate::{client::Client, report::Report};
use anyhow::{ensure, Context, Result};
use nix::errno::Errno;

impl Cell<'_> {
    pub(super) fn several_vgpus(&mut self, report: &mut Report) -> Result<()> {
        let id = self.small_type()?.id;
        self.vfs.iter().try_for_each(|vf| set_type(vf, id))?;
        let mut clients = self.vfs.iter().map(Client::open).collect::<Result<Vec<_>>>()?;
        let vgpus = self.gpu_info("vgpus")?;
        ensure!(
            vgpus.starts_with(&format!("{} of ", clients.len())),
            "vGPUs: found {vgpus}"
        );
        report.note("vgpus", vgpus);

        for (client, seed) in clients.iter().zip(1..) {
            let state = client.engine().state()?;
            ensure!(
                state.alive && state.vgpu_type == id,
                "vGPU {}: found {state:?}",
                seed - 1
            );
            write_framebuffer(client, seed)?;
        }
        for (client, seed) in clients.iter().zip(1..) {
            check_framebuffer(client, seed).with_context(|| format!("vGPU {} beside the others", seed - 1))?;
        }

        // One goes and comes back; the others must not notice.
        drop(clients.swap_remove(0));
        clients.push(Client::open(self.vf(0)?)?);
        write_framebuffer(clients.last().context("no client")?, 77)?;
        // swap_remove() put the last one first.
        let mut seeds: Vec<u32> = (1..).take(clients.len()).collect();
        seeds.swap_remove(0);
        seeds.push(77);
        for (client, seed) in clients.iter().zip(seeds) {
            check_framebuffer(client, seed).with_context(|| format!("vGPU with seed {seed} after another one left"))?;
        }
        Ok(())
    }

    pub(super) fn limits(&mut self, report: &mut Report) -> Result<()> {
        self.vfs.iter().try_for_each(|vf| set_type(vf, 0))?;
        let found = creatable(self.vf(0)?)?;
        ensure!(
            found == self.types,
            "types after all were given back: expected {:?}, found {found:?}",
            self.types
        );

        // The largest type takes most of the framebuffer; the VFs outnumber its instances.
        let large = self.types.last().context("no type can be created")?;
        let mut clients = Vec::new();
        let refused = self.vfs.iter().find_map(|vf| match try_type(vf, large.id) {
            Ok(()) => {
                clients.push(Client::open(vf));
                None
            }
            Err(error) => Some((vf, error)),
        });
        let clients = clients.into_iter().collect::<Result<Vec<_>>>()?;
        let (vf, error) = refused.with_context(|| format!("all {} VFs are {}", clients.len(), large.name))?;
        ensure!(!clients.is_empty(), "not one {} could be made", large.name);
        ensure!(
            error == Errno::ENOSPC,
            "one {} too many: expected ENOSPC, found {error:?}",
            large.name
        );
        ensure!(
            creatable(vf)?.is_empty(),
            "types left beside {} x {}: {:?}",
            clients.len(),
            large.name,
            creatable(vf)?
        );
        report.note("type", large.name.as_str());
        report.note("instances", clients.len());
        drop(clients);
        self.vfs.iter().try_for_each(|vf| set_type(vf, 0))
    }
}
