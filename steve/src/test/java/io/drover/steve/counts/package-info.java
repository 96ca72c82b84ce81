@NullMarked
package io.drover.steve.counts;

import org.jspecify.annotations.NullMarked;
