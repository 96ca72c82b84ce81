module drover.dev/interop/cluster/launcher

go 1.26.0
