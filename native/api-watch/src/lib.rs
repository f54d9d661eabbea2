//! Follows collections of the Kubernetes API, for programs that keep a state of their own equal to it.
//!
//! [`follow`] lists a collection, watches it from there, and resumes after every interruption. A collection has one
//! connection. It is HTTP/1.1: the server multiplexes nothing for a client that holds one request open.

mod backoff;
mod client;
mod connection;
mod error;
mod follow;
mod kubeconfig;
mod objects;
mod protocol;

pub use client::Client;
pub use error::Error;
pub use follow::{Event, Query, follow};
pub use kubeconfig::KubeconfigError;
pub use objects::{
    Endpoint, EndpointConditions, EndpointPort, EndpointSlice, Metadata, Object, Service, ServicePort, ServiceSpec,
    or_default,
};
