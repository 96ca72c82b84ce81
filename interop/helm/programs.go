//go:build tools

// Package programs names the main package that interop/build compiles. The import is never
// compiled itself; it keeps the module in go.mod, so that every build uses the same version.
package programs

import _ "helm.sh/helm/v4/cmd/helm"
