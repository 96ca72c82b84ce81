@NullMarked
package io.drover.steve.live;

import org.jspecify.annotations.NullMarked;
