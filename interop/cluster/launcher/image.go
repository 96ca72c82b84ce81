package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"runtime"
)

// writeImage makes an image of one program that needs no files, as an archive that "ctr images
// import" reads. It has no name in there: if the one by which it is imported were the same, ctr would
// sometimes delete what it has just read.
func writeImage(file, program string, arguments ...string) error {
	content, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	layer, err := archive(entry{"program", content})
	if err != nil {
		return err
	}
	sum := sha256.Sum256(layer)
	config, err := json.Marshal(object{
		"architecture": runtime.GOARCH,
		"os":           "linux",
		"config":       object{"User": "65532:65532", "Entrypoint": append([]string{"/program"}, arguments...)},
		"rootfs":       object{"type": "layers", "diff_ids": []string{"sha256:" + hex.EncodeToString(sum[:])}},
	})
	if err != nil {
		return err
	}
	manifest, err := json.Marshal([]object{{"Config": "config.json", "Layers": []string{"layer.tar"}}})
	if err != nil {
		return err
	}
	image, err := archive(entry{"config.json", config}, entry{"layer.tar", layer}, entry{"manifest.json", manifest})
	if err != nil {
		return err
	}
	return os.WriteFile(file, image, 0o600)
}

type entry struct {
	name    string
	content []byte
}

func archive(entries ...entry) ([]byte, error) {
	var buffer bytes.Buffer
	writer := tar.NewWriter(&buffer)
	for _, one := range entries {
		if err := writer.WriteHeader(&tar.Header{Name: one.name, Mode: 0o755, Size: int64(len(one.content))}); err != nil {
			return nil, err
		}
		if _, err := writer.Write(one.content); err != nil {
			return nil, err
		}
	}
	err := writer.Close()
	return buffer.Bytes(), err
}
