package main

import (
	"math"
	"math/rand/v2"
	"slices"
)

// spread is a median with its bootstrap interval and the extremes.
type spread struct {
	median, low, high float64 // low to high: 95 % interval of the median
	least, most       float64
	n                 int
}

const resamples = 2000

func spreadOf(values []float64) spread {
	s := spread{n: len(values)}
	if s.n == 0 {
		return s
	}
	s.median, s.least, s.most = median(values), slices.Min(values), slices.Max(values)
	random := rand.New(rand.NewPCG(1, 2)) // fixed: the same samples give the same interval
	medians := make([]float64, resamples)
	draw := make([]float64, s.n)
	for i := range medians {
		for j := range draw {
			draw[j] = values[random.IntN(s.n)]
		}
		medians[i] = median(draw)
	}
	slices.Sort(medians)
	s.low, s.high = medians[resamples*25/1000], medians[resamples*975/1000-1]
	return s
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// quantileOf is the value that a share of q of all does not exceed; 1 gives the largest.
func quantileOf(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
}
