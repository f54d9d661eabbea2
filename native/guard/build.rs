fn main() {
    #[cfg(feature = "test-panics")]
    napi_build::setup();
}
