package main

import (
	"math/bits"
	"time"
)

const (
	// subBits makes 64 buckets for each power of two: values are right within 1.6 %.
	subBits    = 6
	subBuckets = 1 << subBits
)

// histogram counts durations in buckets whose width grows with the value.
type histogram map[int]int64

func bucketOf(d time.Duration) int {
	v := uint64(max(d, 0))
	if v < subBuckets {
		return int(v)
	}
	shift := bits.Len64(v) - subBits - 1
	return (shift+1)*subBuckets + int(v>>shift) - subBuckets
}

// upper is the largest duration of a bucket.
func upper(bucket int) time.Duration {
	if bucket < subBuckets {
		return time.Duration(bucket)
	}
	shift := bucket/subBuckets - 1
	return time.Duration((uint64(bucket%subBuckets+subBuckets)+1)<<shift - 1)
}

func (h histogram) add(d time.Duration) { h[bucketOf(d)]++ }

func (h histogram) merge(other histogram) {
	for bucket, n := range other {
		h[bucket] += n
	}
}

func (h histogram) count() int64 {
	var total int64
	for _, n := range h {
		total += n
	}
	return total
}

// quantile is the duration that a share of q of all does not exceed; 1 gives the largest.
func (h histogram) quantile(q float64) time.Duration {
	need := int64(q * float64(h.count()))
	var seen int64
	for bucket := range bucketOf(1<<62) + 1 {
		if seen += h[bucket]; seen > 0 && seen >= need {
			return upper(bucket)
		}
	}
	return 0
}
