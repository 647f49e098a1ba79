// What backends.test.ts runs in a page: the suite that every backend has to pass, and what the engine offers.
import { capabilities, wasm } from '@multihead/kernels-wasm';
import { matmul, ones, withBackend } from '@multihead/tensor';
import { checkBackend } from '@multihead/tensor/testing';

export interface PageReport {
  readonly isolated: boolean;
  readonly threads: number;
  readonly why: string | null;
  readonly capabilities: ReturnType<typeof capabilities>;
  readonly passed: number;
  readonly failures: readonly string[];
}

async function check(threads: number): Promise<PageReport> {
  const backend = await wasm({ threads });
  let passed = 0;
  const failures: string[] = [];
  for await (const { name, outcome, reason } of checkBackend(backend)) {
    if (outcome === 'passed') passed++;
    else failures.push(`${name}: ${reason}`);
  }
  const report = {
    isolated: crossOriginIsolated,
    threads: backend.threads,
    why: backend.why,
    capabilities: capabilities(),
    passed,
    failures,
  };
  backend.dispose();
  return report;
}

/** Starts, uses and disposes backends with threads. */
async function startAndEnd(times: number): Promise<number> {
  let sum = 0;
  for (let i = 0; i < times; i++) {
    const backend = await wasm({ threads: 3 });
    const y = withBackend(backend, () => matmul(ones([200, 200]), ones([200, 200])));
    sum += (await y.data())[0]!;
    y.dispose();
    backend.dispose();
  }
  return sum;
}

/** What `wasm()` says where it may not compile. */
async function refusal(): Promise<string> {
  try {
    (await wasm()).dispose();
    return 'none';
  } catch (error) {
    return String(error);
  }
}

Object.assign(globalThis, { check, startAndEnd, refusal });
