@NullMarked
package io.drover.steve.state;

import org.jspecify.annotations.NullMarked;
