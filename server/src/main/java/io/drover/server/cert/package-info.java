/** The server's own certificate authority and certificate, made at the first start and kept. */
@NullMarked
package io.drover.server.cert;

import org.jspecify.annotations.NullMarked;
