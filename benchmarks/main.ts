import { fork } from 'node:child_process';
import { loadavg } from 'node:os';
import { buildChild } from './build.ts';
import type { FromChild, Order, Run } from './child.ts';
import { describeMachine, isBusy, machineText } from './machine.ts';
import { nodeExecutable } from './nodes.ts';
import { type Options, readOptions, usage } from './options.ts';
import { prepare } from './prepare.ts';
import { writeTables } from './readme.ts';
import { selfTest } from './self-test.ts';
import { runText, threadsText, verdictLine } from './table.ts';

/*
 * `pnpm bench NAME`: installs the peers, builds our packages, and runs the bench in a process of its own for each Node and number of
 * threads. README.md tells what is measured and how.
 */

async function main(): Promise<number> {
  const options = optionsOrUsage();
  const load = loadavg()[0]!;
  if (!options) return 2;
  prepare();
  if (options.selfTest) return selfTest();
  if (options.soak) return soaked(options);
  const child = await buildChild();
  const machine = describeMachine(load);
  if (!options.json) console.log(machineText(machine));
  if (isBusy(machine)) console.error(`The machine is busy (load ${machine.load}): the figures will be noisy, and not to be quoted.`);
  const runs: Run[] = [];
  const failures: string[] = [];
  for (const order of ordersOf(options)) {
    const where = `${order.bench} on Node ${order.node}, ${threadsText(order.threads)}`;
    try {
      const run = await measured(child, order);
      runs.push(run);
      if (!options.json) console.log(`\n## ${run.bench}: ${run.title}\n\n${runText(run)}`);
    } catch (error) {
      failures.push(`${where}: ${(error as Error).message}`);
      console.error(failures.at(-1));
    }
  }
  if (options.json) console.log(JSON.stringify({ machine, quick: options.quick, runs, failures }, null, 1));
  if (options.write) writeTables(machine, runs);
  const shortfall = failures.length > 0 || runs.some(({ verdicts }) => verdicts.some(({ met }) => met === false));
  // Beside JSON on stdout, the verdict is a message.
  if (options.check) (options.json ? console.error : console.log)(verdictLine(runs, failures));
  return failures.length > 0 || (options.check && shortfall) ? 1 : 0;
}

async function soaked({ soak: minutes, threads }: Options): Promise<number> {
  const { soak } = await import('./soak.ts'); // Our packages are there only now.
  const { table, flat } = await soak(minutes, threads[0]!, (line) => console.error(line));
  console.log(`${machineText(describeMachine(loadavg()[0]!))}\n\n${table}\n\n${flat ? 'Memory stayed flat.' : 'Memory grew.'}`);
  return flat ? 0 : 1;
}

function optionsOrUsage(): Options | null {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
    return null;
  }
}

interface NodeOrder extends Order {
  node: number;
}

function ordersOf({ benches, nodes, threads, only, quick }: Options): NodeOrder[] {
  return benches.flatMap((bench) => nodes.flatMap((node) => threads.map((count) => ({ bench, node, threads: count, only, quick }))));
}

/** What the child process found; an error if it ended without saying. */
function measured(child: string, { node, ...order }: NodeOrder): Promise<Run> {
  const execPath = nodeExecutable(node);
  if (!execPath) throw new Error(`this machine has no Node ${node}: put it on the PATH`);
  return new Promise((resolve, reject) => {
    const running = fork(child, [], { execPath, execArgv: ['--expose-gc'], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    let found: Run | undefined;
    running.on('message', (message: FromChild) => {
      if ('run' in message) found = message.run;
      else console.error(message.report);
    });
    running.on('error', reject);
    running.on('exit', (status, signal) => {
      if (found) resolve(found);
      else reject(new Error(`its process ended early (${signal ?? `status ${status}`})`));
    });
    running.send(order satisfies Order);
  });
}

process.exitCode = await main();
