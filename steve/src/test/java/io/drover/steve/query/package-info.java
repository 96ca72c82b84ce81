@NullMarked
package io.drover.steve.query;

import org.jspecify.annotations.NullMarked;
