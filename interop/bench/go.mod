module drover.dev/interop/bench

go 1.26.0
