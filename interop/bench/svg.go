package main

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// A picture is panels side by side, two a line; each shows the same for both agents. Written by
// hand, so that it needs nothing and a diff of it can be read. All lengths are pixels.

const (
	panelWidth, panelHeight = 400, 250
	plotLeft, plotRight     = 52, 16
	plotTop, plotBottom     = 34, 44
	pictureHead             = 52
	panelsAcross            = 2
)

// scale maps values to a side of a plot.
type scale struct {
	label    string
	from, to float64
	log      bool
	ticks    []float64
	text     func(float64) string
}

// curve is one line of a panel.
type curve struct {
	theirs bool // drawn dashed, and so told apart without colours too
	steps  bool // each point holds until the next
	x, y   []float64
}

type panel struct {
	title  string
	x, y   scale
	curves []curve
}

type picture struct {
	title, other string // name of the other agent
	panels       []panel
}

const pictureStyle = `
  text { font: 12px system-ui, sans-serif; fill: #24292f }
  .title { font-weight: 600; font-size: 15px }
  .panel { font-weight: 600 }
  .quiet { fill: #59636e; font-size: 11px }
  .page { fill: #ffffff }
  .grid { stroke: #d1d9e0; stroke-width: 1 }
  .ours, .theirs { fill: none; stroke-width: 2; stroke-linejoin: round }
  .ours { stroke: #0969da }
  .theirs { stroke: #bc4c00; stroke-dasharray: 6 3 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .quiet { fill: #9198a1 }
    .page { fill: #0d1117 }
    .grid { stroke: #3d444d }
    .ours { stroke: #58a6ff }
    .theirs { stroke: #f0883e }
  }
`

// svg is the whole file.
func (p picture) svg() string {
	lines := (len(p.panels) + panelsAcross - 1) / panelsAcross
	width, height := panelWidth*min(len(p.panels), panelsAcross), pictureHead+panelHeight*lines
	var out strings.Builder
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 %d %d" width="%d" height="%[2]d">`+"\n", width, height, width)
	fmt.Fprintf(&out, "<title>%s</title>\n<style>%s</style>\n", html.EscapeString(p.title), pictureStyle)
	fmt.Fprintf(&out, `<rect class="page" width="%d" height="%d"/>`+"\n", width, height)
	label(&out, "title", 16, 22, "start", p.title)
	for i, name := range []string{"Drover", p.other} {
		x := 16 + 110*i
		fmt.Fprintf(&out, `<path class="%s" d="M%d 40h28"/>`+"\n", pick(i == 1, "theirs", "ours"), x)
		label(&out, "", float64(x+34), 44, "start", name)
	}
	for i, one := range p.panels {
		fmt.Fprintf(&out, `<g transform="translate(%d %d)">`+"\n", panelWidth*(i%panelsAcross), pictureHead+panelHeight*(i/panelsAcross))
		one.draw(&out)
		out.WriteString("</g>\n")
	}
	out.WriteString("</svg>\n")
	return out.String()
}

func label(out *strings.Builder, class string, x, y float64, anchor, text string) {
	if class != "" {
		class = fmt.Sprintf(` class="%s"`, class)
	}
	fmt.Fprintf(out, `<text%s x="%.1f" y="%.1f" text-anchor="%s">%s</text>`+"\n", class, x, y, anchor, html.EscapeString(text))
}

func (p panel) draw(out *strings.Builder) {
	label(out, "panel", plotLeft, 18, "start", p.title)
	left, right := float64(plotLeft), float64(panelWidth-plotRight)
	top, bottom := float64(plotTop), float64(panelHeight-plotBottom)
	for _, tick := range p.y.ticks {
		y := p.y.at(tick, bottom, top)
		fmt.Fprintf(out, `<path class="grid" d="M%.1f %.1fH%.1f"/>`+"\n", left, y, right)
		label(out, "quiet", left-6, y+4, "end", p.y.text(tick))
	}
	for _, tick := range p.x.ticks {
		x := p.x.at(tick, left, right)
		fmt.Fprintf(out, `<path class="grid" d="M%.1f %.1fv4"/>`+"\n", x, bottom)
		label(out, "quiet", x, bottom+16, "middle", p.x.text(tick))
	}
	label(out, "quiet", right, bottom+32, "end", p.x.label)
	label(out, "quiet", right, 18, "end", p.y.label)
	for _, c := range p.curves {
		var d strings.Builder
		for i := range c.x {
			x, y := p.x.at(c.x[i], left, right), p.y.at(c.y[i], bottom, top)
			switch {
			case i == 0:
				fmt.Fprintf(&d, "M%.1f %.1f", x, y)
			case c.steps:
				fmt.Fprintf(&d, "H%.1fV%.1f", x, y)
			default:
				fmt.Fprintf(&d, "L%.1f %.1f", x, y)
			}
		}
		fmt.Fprintf(out, `<path class="%s" d="%s"/>`+"\n", pick(c.theirs, "theirs", "ours"), d.String())
	}
}

// at is where a value lies between two ends; what is beyond the scale lies at its end.
func (s scale) at(value, start, end float64) float64 {
	value = min(max(value, s.from), s.to)
	share := (value - s.from) / (s.to - s.from)
	if s.log {
		share = math.Log(value/s.from) / math.Log(s.to/s.from)
	}
	return start + share*(end-start)
}

// powers is a logarithmic scale that has all these values, with a tick at each power of ten.
func powers(label string, values []float64) scale {
	s := scale{label: label, log: true, from: 1, to: 10, text: figure}
	least, most := math.Inf(1), 0.0
	for _, v := range values {
		if v > 0 {
			least, most = min(least, v), max(most, v)
		}
	}
	if most > 0 {
		s.from = math.Pow(10, math.Floor(math.Log10(least)))
		s.to = max(math.Pow(10, math.Ceil(math.Log10(most))), 10*s.from)
	}
	for tick := s.from; tick <= s.to*1.01; tick *= 10 {
		s.ticks = append(s.ticks, tick)
	}
	return s
}

// even is a scale from 0 that has all these values, with about five ticks.
func even(label string, values []float64) scale {
	s := scale{label: label, text: figure}
	most := 1.0
	for _, v := range values {
		most = max(most, v)
	}
	step := math.Pow(10, math.Floor(math.Log10(most)))
	for _, part := range []float64{5, 2, 1} {
		if most/(step/part) <= 6 {
			step /= part
			break
		}
	}
	for s.to = 0; s.to < most; s.to += step {
		s.ticks = append(s.ticks, s.to)
	}
	s.ticks = append(s.ticks, s.to)
	return s
}
