package programs

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"
)

// Held by io.drover.proto.report.Quantity, and here by Kubernetes itself, in the version that we test
// against.
const vectors = "../../../proto/src/test/resources/io/drover/proto/report/quantities.json"

var update = flag.Bool("update", false, "write Kubernetes' answers into the vectors instead of checking them")

// vector is one question and Kubernetes' answer. Operations: parse (of one text), sum (of a total
// that starts at none), difference (of the first and all others) and max.
type vector struct {
	Operation string   `json:"operation"`
	Of        []string `json:"of"`
	// Is is the canonical form, or nil if one of the texts is no quantity.
	Is *string `json:"is"`
	// Amount is the exact value, which the canonical form does not always tell.
	Amount string `json:"amount,omitempty"`
}

func TestQuantitiesAreKubernetesOwn(t *testing.T) {
	content, err := os.ReadFile(vectors)
	if err != nil {
		t.Fatal(err)
	}
	var cases []vector
	if err := json.Unmarshal(content, &cases); err != nil {
		t.Fatal(err)
	}
	var answered bytes.Buffer
	for i, c := range cases {
		line, err := json.Marshal(answer(t, c))
		if err != nil {
			t.Fatal(err)
		}
		separator := ",\n"
		if i == 0 {
			separator = "[\n"
		}
		fmt.Fprintf(&answered, "%s  %s", separator, line)
	}
	answered.WriteString("\n]\n")

	if *update {
		if err := os.WriteFile(vectors, answered.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	was, is := strings.Split(string(content), "\n"), strings.Split(answered.String(), "\n")
	if len(was) != len(is) {
		t.Fatalf("%d lines in the vectors, should be %d: run this test with -update", len(was), len(is))
	}
	for i := range was {
		if was[i] != is[i] {
			t.Errorf("line %d\n in the vectors: %s\n by Kubernetes:  %s", i+1, was[i], is[i])
		}
	}
}

// answer is the case with what Kubernetes says.
func answer(t *testing.T, c vector) vector {
	quantities := make([]resource.Quantity, len(c.Of))
	for i, text := range c.Of {
		var err error
		if quantities[i], err = resource.ParseQuantity(text); err != nil {
			return vector{Operation: c.Operation, Of: c.Of}
		}
	}
	var result resource.Quantity
	switch {
	case c.Operation == "parse" && len(c.Of) == 1:
		result = quantities[0]
	case c.Operation == "sum":
		for _, q := range quantities {
			result.Add(q)
		}
	case c.Operation == "difference" && len(c.Of) > 1:
		result = quantities[0]
		for _, q := range quantities[1:] {
			result.Sub(q)
		}
	case c.Operation == "max" && len(c.Of) == 2:
		result = quantities[0]
		if quantities[1].Cmp(result) > 0 {
			result = quantities[1]
		}
	default:
		t.Fatalf("no such case: %+v", c)
	}
	// Not String: that of a quantity which was just parsed is often the text it was parsed from.
	number, suffix := result.CanonicalizeBytes(nil)
	canonical := string(number) + string(suffix)
	amount := result.AsDec().String()
	if strings.Contains(amount, ".") {
		amount = strings.TrimRight(strings.TrimRight(amount, "0"), ".")
	}
	return vector{Operation: c.Operation, Of: c.Of, Is: &canonical, Amount: amount}
}
