/**
 * Which types there are, and which of them a user is shown. {@link
 * io.drover.steve.schema.TypeReader} asks the API server for its types; {@link
 * io.drover.steve.schema.Cluster} keeps them, and the rights to them, up to date for as long as
 * somebody looks, and forgets all of it some minutes later; {@link
 * io.drover.steve.schema.UserSchemas} is one user's choice of them.
 */
@NullMarked
package io.drover.steve.schema;

import org.jspecify.annotations.NullMarked;
