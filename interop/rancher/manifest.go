package main

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"text/template"
)

//go:embed manifest.yaml.tmpl
var manifestText string

var manifestTemplate = template.Must(template.New("manifest").Funcs(template.FuncMap{
	"base64": func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) },
	// A JSON string is a YAML string, whatever is in it.
	"quote": func(text string) (string, error) {
		quoted, err := json.Marshal(text)
		return string(quoted), err
	},
}).Parse(manifestText))

// manifest is what the import manifest of one cluster is made of.
type manifest struct {
	Server, Token, Checksum, Image, ServerVersion, InstallUUID string
}

// Credentials names the Secret with the agent's credentials: it changes with what it holds.
func (m manifest) Credentials() string {
	namespace := "" // empty in the import form
	return "cattle-credentials-" + sha256Hex(m.Server + "." + m.Token + "." + namespace)[:10]
}

func (m manifest) render() ([]byte, error) {
	var out bytes.Buffer
	err := manifestTemplate.Execute(&out, m)
	return out.Bytes(), err
}

// serveImport is /v3/import/{token}_{cluster}.yaml.
func (r *rancher) serveImport(rw http.ResponseWriter, req *http.Request) {
	name, yaml := strings.CutSuffix(req.PathValue("name"), ".yaml")
	token, id, both := strings.Cut(name, "_")
	if !yaml || !both {
		http.NotFound(rw, req)
		return
	}
	if !r.clusters.hasToken(id, token) {
		rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
		rw.WriteHeader(http.StatusBadRequest)
		_, _ = rw.Write([]byte("cluster not found or invalid token"))
		return
	}
	m := r.manifest
	m.Token = token
	text, err := m.render()
	if err != nil {
		http.Error(rw, err.Error(), http.StatusInternalServerError)
		return
	}
	header := rw.Header()
	header.Set("Content-Type", "text/plain")
	header.Set("Cache-Control", "no-cache, no-store, must-revalidate")
	header.Set("X-Api-Cattle-Auth", "false")
	header.Set("X-Content-Type-Options", "nosniff")
	_, _ = rw.Write(text)
}
