package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"

	"github.com/rancher/remotedialer"
)

const (
	tokenHeader  = "X-API-Tunnel-Token"
	paramsHeader = "X-API-Tunnel-Params"
	stevePrefix  = "stv-cluster-"
)

// chain asks each authorizer in turn. The first that recognises the request wins; if none does,
// the first error is reported (as 400), and without any error the request is unknown (401).
func chain(authorizers ...remotedialer.Authorizer) remotedialer.Authorizer {
	return func(req *http.Request) (string, bool, error) {
		var first error
		for _, authorize := range authorizers {
			key, ok, err := authorize(req)
			if ok && err == nil {
				return key, true, nil
			}
			if err != nil && first == nil {
				first = err
			}
		}
		return "", false, first
	}
}

// clusterAuthorizer admits a cluster tunnel by its registration token and remembers the API
// server that it reports.
func clusterAuthorizer(known *clusters) remotedialer.Authorizer {
	return func(req *http.Request) (string, bool, error) {
		token := req.Header.Get(tokenHeader)
		if token == "" {
			return "", false, nil
		}
		id, ok := known.byToken(token)
		if !ok {
			return "", false, errors.New("cluster not found")
		}
		api, hostname, err := parseParams(req.Header.Get(paramsHeader))
		if err != nil {
			return "", false, err
		}
		if hostname != "" {
			return id + ":" + hostname, true, nil
		}
		known.store(id, api)
		return id, true, nil
	}
}

// steveAuthorizer admits the second tunnel, by the same token in a bearer header. A bearer that
// it does not know is no error, so that the answer is 401.
func steveAuthorizer(known *clusters) remotedialer.Authorizer {
	return func(req *http.Request) (string, bool, error) {
		token, ok := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer "+stevePrefix)
		if !ok {
			return "", false, nil
		}
		id, ok := known.byToken(token)
		if !ok {
			return "", false, nil
		}
		return stevePrefix + id, true, nil
	}
}

func sha256Hex(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
