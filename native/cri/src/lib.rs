//! A client of the Container Runtime Interface v1 over a unix socket. Three layers: the wire (`proto`, generated), the
//! client (`client`, `events`, `health`, `image_views`; plain async Rust), and the binding (`binding`, N-API; requests and answers are
//! JSON text with the camelCase names of the CRI messages).

mod bytes_codec;
pub mod client;
pub mod error;
pub mod events;
pub mod health;
pub mod image_views;
pub mod text;

#[cfg(all(feature = "napi", not(test)))]
mod binding;

/// Generated from proto/: names and field numbers of the wire format. `tests/generated.rs` generates it and says why it is kept.
pub mod proto {
    pub mod runtime {
        #![allow(clippy::all)]
        include!("generated/runtime.v1.rs");
    }
    pub mod health {
        #![allow(clippy::all)]
        include!("generated/grpc.health.v1.rs");
    }
    pub mod containerd {
        #![allow(clippy::all)]
        include!("generated/containerd.services.events.v1.rs");
    }
    pub mod snapshots {
        #![allow(clippy::all)]
        include!("generated/containerd.services.snapshots.v1.rs");
    }
}
