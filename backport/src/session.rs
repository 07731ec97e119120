// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! What all parts of one run share: the source tree, the cache and the archives.

use crate::apt::mirror::Mirrors;
use crate::apt::{Freshness, Root, View};
use crate::cache::Cache;
use crate::error::{Error, Result};
use crate::fetch::Fetcher;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

/// One run of the tool.
pub struct Session {
    /// The top of the source tree.
    pub source: PathBuf,
    /// Where the driver's halves are taken from.
    pub halves: Halves,
    /// Where everything is kept.
    pub cache: Cache,
    /// Whether the network may be used.
    pub fresh: Freshness,
    mirrors: OnceLock<Mirrors>,
    roots: Mutex<BTreeMap<&'static str, Slot>>,
}

/// Source trees of the driver's halves: the same, unless it is tried how versions get on with each other.
pub struct Halves {
    /// Of the core, its header and the PF driver.
    pub core: PathBuf,
    /// Of the VFIO driver and the header it is built with.
    pub vfio: PathBuf,
}

/// A root that is opened by whoever needs it first, while others wait for just this one.
type Slot = Arc<Mutex<Option<Arc<Root>>>>;

impl Session {
    /// Opens the cache and finds the source tree.
    ///
    /// # Errors
    /// There is no place for the cache, or no source tree.
    pub fn open(fresh: Freshness) -> Result<Self> {
        Self::with(Cache::open()?, fresh)
    }

    /// One that keeps everything in `dir`, for tests.
    #[cfg(test)]
    pub fn in_scratch(dir: &Path) -> Result<Self> {
        Self::with(Cache::at(dir)?, Freshness::default())
    }

    fn with(cache: Cache, fresh: Freshness) -> Result<Self> {
        let source = source_tree()?;
        Ok(Session {
            halves: Halves {
                core: source.clone(),
                vfio: source.clone(),
            },
            source,
            cache,
            fresh,
            mirrors: OnceLock::new(),
            roots: Mutex::new(BTreeMap::new()),
        })
    }

    /// The private apt root for `view`, with lists as fresh as the run asks for.
    ///
    /// # Errors
    /// As [`Root::open`].
    pub fn root(&self, view: View) -> Result<Arc<Root>> {
        let slot = {
            let mut roots = self.roots.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            Arc::clone(roots.entry(view.name).or_default())
        };
        let mut slot = slot.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(root) = slot.as_ref() {
            return Ok(Arc::clone(root));
        }
        let root = Arc::new(Root::open(&self.cache, self.mirrors()?, view, self.fresh)?);
        *slot = Some(Arc::clone(&root));
        Ok(root)
    }

    /// A fetcher that uses `root`'s settings.
    pub fn fetcher<'a>(&'a self, root: &'a Root) -> Fetcher<'a> {
        Fetcher {
            cache: &self.cache,
            root,
            offline: self.fresh.offline,
        }
    }

    /// What could not be had fresh, one note a root.
    pub fn notes(&self) -> Vec<String> {
        let roots = self.roots.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let open = roots.values().filter_map(|slot| slot.lock().ok()?.clone());
        open.filter_map(|root| root.note.clone()).collect()
    }

    fn mirrors(&self) -> Result<&Mirrors> {
        if let Some(mirrors) = self.mirrors.get() {
            return Ok(mirrors);
        }
        let found = Mirrors::of_this_machine()?;
        Ok(self.mirrors.get_or_init(|| found))
    }
}

/// The tree the tool works on: where it was called, or any directory above; else the one it was built from.
///
/// # Errors
/// Neither is one.
pub fn source_tree() -> Result<PathBuf> {
    let here = std::env::current_dir().map_err(|error| Error::setup(format!("no current directory: {error}")))?;
    let built_from = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("/"));
    let found = here.ancestors().chain([built_from]).find(|dir| is_source_tree(dir));
    found.map(Path::to_path_buf).ok_or_else(|| {
        Error::usage("no NovaBridge source tree here")
            .expected("a directory with core-rs, capi and c-vfio-driver in it")
            .found(here.display().to_string())
            .fix("run the tool inside a clone")
    })
}

fn is_source_tree(dir: &Path) -> bool {
    ["core-rs/src/lib.rs", "capi/src/lib.rs", "c-vfio-driver"]
        .iter()
        .all(|part| dir.join(part).exists())
}
