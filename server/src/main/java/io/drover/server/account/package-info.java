/**
 * Who uses the server: people with passwords, their browsers and tokens, and what they are in
 * clusters. Programs on the server's own machine use the administrator's token, which is a file
 * there.
 */
@NullMarked
package io.drover.server.account;

import org.jspecify.annotations.NullMarked;
