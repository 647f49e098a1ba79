import { createReadStream, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join, normalize } from 'node:path';

/** Serves the files of a folder to this machine, with ranges, as hosts of checkpoints do. */
export async function serve(root: string): Promise<{ url: string; server: Server }> {
  const server = createServer((request, response) => {
    const path = join(root, normalize(decodeURIComponent(new URL(request.url!, 'http://localhost').pathname)));
    const stat = statSync(path, { throwIfNoEntry: false });
    if (!stat?.isFile()) {
      response.writeHead(404).end();
      return;
    }
    const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    const start = Number(from ?? 0);
    const end = Math.min(to ? Number(to) : stat.size - 1, stat.size - 1);
    const headers: Record<string, string | number> = { 'accept-ranges': 'bytes', 'content-length': end - start + 1 };
    if (from !== undefined) headers['content-range'] = `bytes ${start}-${end}/${stat.size}`;
    response.writeHead(from === undefined ? 200 : 206, headers);
    if (request.method === 'HEAD') response.end();
    else createReadStream(path, { start, end, highWaterMark: 1 << 20 }).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  return { url: `http://127.0.0.1:${(server.address() as { port: number }).port}`, server };
}
