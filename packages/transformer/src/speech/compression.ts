/**
 * How much shorter deflate makes a text: bytes / compressed bytes. A model that is caught in a loop writes texts that shrink a lot. Streams of this kind
 * are part of browsers and of Node.
 */
export async function compressionRatio(text: string): Promise<number> {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length === 0) return 1;
  const packed = new Blob([bytes]).stream().pipeThrough(new CompressionStream('deflate'));
  return bytes.length / (await new Response(packed).arrayBuffer()).byteLength;
}
