// SPDX-License-Identifier: MIT
//! The object trees.

use super::*;

#[test]
fn the_tree_is_kept() {
    let mut rm = Rm::new();
    assert_eq!(rm.clients(), 0);
    rm.alloc(1, 1, 1, CLASS_ROOT).unwrap();
    rm.alloc(1, 1, 2, CLASS_DEVICE).unwrap();
    rm.alloc(1, 2, 3, CLASS_SUBDEVICE).unwrap();
    assert_eq!(
        rm.alloc(1, 1, 1, CLASS_ROOT).unwrap_err().2,
        status::INSERT_DUPLICATE_NAME
    );
    assert_eq!(
        rm.alloc(1, 2, 3, CLASS_SUBDEVICE).unwrap_err().2,
        status::INSERT_DUPLICATE_NAME
    );
    assert_eq!(
        rm.alloc(1, 1, 4, CLASS_SUBDEVICE).unwrap_err().2,
        status::INVALID_OBJECT_PARENT
    );
    assert_eq!(
        rm.alloc(1, 9, 4, CLASS_DEVICE).unwrap_err().2,
        status::INVALID_OBJECT_PARENT
    );
    assert_eq!(rm.alloc(2, 2, 4, CLASS_DEVICE).unwrap_err().2, status::INVALID_CLIENT);
    assert!(rm.callable(1, 3, 0x2080_0000).is_ok());
    assert_eq!(rm.callable(1, 2, 0x2080_0000).unwrap_err().2, status::INVALID_OBJECT);
    assert_eq!(rm.free(1, 1, 3).unwrap_err().2, status::INVALID_OBJECT_PARENT);
    rm.free(1, 1, 2).unwrap();
    assert_eq!(
        rm.free(1, 2, 3).unwrap_err().2,
        status::INVALID_OBJECT_OLD,
        "went with its parent"
    );
    rm.free(1, 0, 1).unwrap();
    assert_eq!(rm.clients(), 0);
    assert!(rm.free(INTERNAL_CLIENT, 0, INTERNAL_CLIENT).is_err());
}
