/** For tests only: an HTTP server that serves files by range, and in all the ways in which servers go wrong. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Answers one request; throwing closes the connection. */
export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export interface TestServer {
  /** `http://127.0.0.1:PORT` */
  readonly origin: string;
  /** The Range header of every request, or '' where there was none. */
  readonly ranges: string[];
  /** How many answers are under way. */
  pending(): number;
  close(): Promise<void>;
}

/** A server for tests on a free port; paths that `handlers` does not have are 404. */
export async function serve(handlers: Readonly<Record<string, Handler>>): Promise<TestServer> {
  const ranges: string[] = [];
  let pending = 0;
  const server = createServer((request, response) => {
    ranges.push(request.headers.range ?? '');
    pending++;
    response.once('close', () => pending--);
    const path = new URL(request.url ?? '', 'http://x').pathname;
    const handler = Object.hasOwn(handlers, path) ? handlers[path] : undefined;
    if (handler) handler(request, response);
    else response.writeHead(404).end('there is no such page');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ranges,
    pending: () => pending,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The first and the last byte that a request asks for, of `size` bytes; undefined if it asks for all. */
export function rangeOf(request: IncomingMessage, size: number): [first: number, last: number] | undefined {
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
  return first === undefined ? undefined : [Number(first), Math.min(Number(last), size - 1)];
}

/** Serves `bytes` as a good server does; `headers` are added or replace others. */
export function file(bytes: Uint8Array, headers: Record<string, string> = {}): Handler {
  return (request, response) => {
    const range = rangeOf(request, bytes.length);
    if (!range) {
      response.writeHead(200, { 'Content-Length': bytes.length, ...headers }).end(bytes);
      return;
    }
    const [first, last] = range;
    if (first >= bytes.length) {
      response.writeHead(416, { 'Content-Range': `bytes */${bytes.length}` }).end();
      return;
    }
    const part = bytes.subarray(first, last + 1);
    response
      .writeHead(206, { 'Content-Length': part.length, 'Content-Range': `bytes ${first}-${last}/${bytes.length}`, ...headers })
      .end(part);
  };
}
