//go:build tools

// Package programs names the main packages that interop/build compiles. The imports are never
// compiled themselves; they keep the modules in go.mod, so that every build uses the same versions.
package programs

import (
	_ "helm.sh/helm/v3/cmd/helm"
	_ "helm.sh/helm/v4/cmd/helm"
)
