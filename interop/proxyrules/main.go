// Command proxyrules says which proxy Go's library would use: for each line of JSON on standard input
// a line on standard output, the proxy's URL or nothing.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/url"
	"os"

	"golang.org/x/net/http/httpproxy"
)

type question struct {
	HTTPS string `json:"https"`
	HTTP  string `json:"http"`
	No    string `json:"no"`
	URL   string `json:"url"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "proxyrules:", err)
		os.Exit(1)
	}
}

func run() error {
	out := bufio.NewWriter(os.Stdout)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var asked question
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			return fmt.Errorf("line %q: %w", lines.Text(), err)
		}
		target, err := url.Parse(asked.URL)
		if err != nil {
			return fmt.Errorf("url %q: %w", asked.URL, err)
		}
		config := httpproxy.Config{HTTPProxy: asked.HTTP, HTTPSProxy: asked.HTTPS, NoProxy: asked.No}
		proxy, err := config.ProxyFunc()(target)
		if err != nil {
			return fmt.Errorf("line %q: %w", lines.Text(), err)
		}
		answer := ""
		if proxy != nil {
			answer = proxy.String()
		}
		if _, err := fmt.Fprintln(out, answer); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return out.Flush()
}
