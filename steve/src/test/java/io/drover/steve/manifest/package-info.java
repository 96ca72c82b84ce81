@NullMarked
package io.drover.steve.manifest;

import org.jspecify.annotations.NullMarked;
