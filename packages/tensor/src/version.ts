/** The major and minor version of this copy, for the message when two copies meet. */
export const version = '1.0';
