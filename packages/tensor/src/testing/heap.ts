/**
 * A function that collects garbage and says how many bytes of objects are left; null outside Node. Code is not counted: the engine goes
 * on compiling for thousands of calls.
 */
export async function heapMeter(): Promise<(() => number) | null> {
  if (typeof process === 'undefined' || !process.versions?.node) return null;
  const [v8, vm] = await Promise.all([import('node:v8'), import('node:vm')]);
  v8.setFlagsFromString('--expose-gc');
  const collect = vm.runInNewContext('gc') as () => void;
  return () => {
    for (let i = 0; i < 4; i++) collect(); // what the first one finds may hold on to more
    const spaces = v8
      .getHeapSpaceStatistics()
      .filter(({ space_name }) => /^(new|old|large_object|new_large_object)_/.test(`${space_name}_`));
    return spaces.reduce((total, { space_used_size }) => total + space_used_size, 0);
  };
}
