@NullMarked
package io.drover.steve.ws;

import org.jspecify.annotations.NullMarked;
