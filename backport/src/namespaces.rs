// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Being root in a system of one's own: as root, or as any user with the ids that /etc/subuid grants.
//!
//! A user who is not root gets a user name space in which he is root and these ids are everyone else. What is made in it belongs to
//! these ids, so it is also removed in one.
//!
//! mmdebstrap could make such a space by itself (`--mode=unshare`), by the same means: newuidmap, and mount, process, host name and
//! IPC name spaces. But its root is the first of the granted ids, who may not enter the user's home, where the cache is; ours is the
//! user. And what is made in a space can be used in one alike it only, so that there has to be one for builds anyway. Within, it
//! runs in its root mode, the rest of which is the same.

use crate::error::{Error, Result};
use crate::proc::Cmd;
use nix::unistd::geteuid;
use std::path::Path;

/// Starts what follows as root, in name spaces that end with it; programs are also looked for in `tools`.
pub fn as_root(tools: Option<&Path>) -> Cmd {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // A user's PATH need not have the administrator's programs, of which chroot is one.
    let more = tools
        .into_iter()
        .chain(["/usr/sbin", "/sbin"].map(Path::new))
        .map(Path::to_path_buf);
    let path = std::env::join_paths(std::env::split_paths(&path).chain(more)).unwrap_or(path);
    Cmd::new("unshare")
        .args(user_space())
        .args(["--mount", "--propagation", "private", "--uts", "--ipc"])
        .args(["--pid", "--fork", "--kill-child"])
        .env("PATH", path)
}

/// Options that make a user root.
fn user_space() -> &'static [&'static str] {
    if geteuid().is_root() {
        &[]
    } else {
        &["--map-root-user", "--map-auto"]
    }
}

/// Who is root in the systems, in words.
///
/// # Errors
/// This user can not be: what is missing, and how to get it.
pub fn rights() -> Result<&'static str> {
    if geteuid().is_root() {
        return Ok("root");
    }
    let tried = Cmd::new("unshare").args(user_space()).arg("true").run()?;
    if tried.status.success() {
        return Ok("a user with ids for a name space");
    }
    Err(Error::setup("this user cannot be root of a system of his own")
        .expected("root, or a user name space with ids from /etc/subuid and /etc/subgid")
        .found(tried.output.trim())
        .fix(
            "as root: apt-get install uidmap; usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER \
             (ids nobody else has); or run this as root",
        ))
}

/// Removes a directory with files of the ids above in it.
///
/// # Errors
/// It cannot be removed.
pub fn remove(dir: &Path) -> Result<()> {
    as_root(None)
        .args(["rm", "-rf", "--one-file-system"])
        .arg(dir)
        .must("a directory of another user's files cannot be removed")
        .map(|_| ())
        .map_err(Error::during_setup)
}
