/**
 * A function that collects garbage and says how many bytes of objects are left; null outside Node. Code is not counted: the engine goes
 * on compiling for thousands of calls.
 */
export function heapMeter(): (() => number) | null {
  // No import: this file is in bundles for browsers, too.
  const builtin = typeof process === 'undefined' ? undefined : process.getBuiltinModule;
  if (!builtin) return null;
  const [v8, vm] = [builtin('node:v8'), builtin('node:vm')];
  v8.setFlagsFromString('--expose-gc');
  const collect = vm.runInNewContext('gc') as () => void;
  const kinds = ['new_space', 'old_space', 'large_object_space', 'new_large_object_space'];
  return () => {
    for (let i = 0; i < 4; i++) collect(); // what the first one finds may hold on to more
    const spaces = v8.getHeapSpaceStatistics().filter(({ space_name: name }) => kinds.includes(name));
    return spaces.reduce((total, { space_used_size: used }) => total + used, 0);
  };
}
