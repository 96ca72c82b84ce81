/**
 * The API that Rancher's Explorer pages speak, over the objects of one cluster: what the stock
 * agent's Steve answers, in memory that is bounded and empty while nobody looks.
 */
@NullMarked
package io.drover.steve;

import org.jspecify.annotations.NullMarked;
