@NullMarked
package io.drover.steve;

import org.jspecify.annotations.NullMarked;
