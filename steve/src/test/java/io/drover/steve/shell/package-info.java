@NullMarked
package io.drover.steve.shell;

import org.jspecify.annotations.NullMarked;
