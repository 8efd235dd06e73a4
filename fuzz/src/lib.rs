//! The laws fuzzing holds us to, one module each.
