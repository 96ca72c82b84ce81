@NullMarked
package io.drover.steve.store;

import org.jspecify.annotations.NullMarked;
