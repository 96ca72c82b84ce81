/**
 * What people see in a browser: files out of the jar, which ask the API for everything else. They
 * come from nowhere else, and the browser is told to take nothing from anywhere else.
 */
@NullMarked
package io.drover.server.page;

import org.jspecify.annotations.NullMarked;
