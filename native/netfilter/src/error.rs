#[derive(Debug, thiserror::Error)]
pub enum NetfilterError {
    #[error(transparent)]
    Tables(#[from] xtables::error::Error),
    #[error("nftables: {0}")]
    Nftables(String),
    #[error("IPVS: {0}")]
    Ipvs(String),
    #[error("netlink: {0}")]
    Netlink(#[from] std::io::Error),
    #[error("service state: {0}")]
    Json(#[from] serde_json::Error),
    /// A value of `--proxy-mode` that cannot be used here.
    #[error("--proxy-mode={mode}: {why}")]
    Mode { mode: String, why: String },
}

pub type Result<T> = std::result::Result<T, NetfilterError>;
