import { ConfigError, describe, type Fields, isObject, problemOf } from '../loading/config.js';

/*
 * Reading preprocessor_config.json and generation_config.json as config.json is read: taken, known to change nothing, or refused.
 */

/** The keys of `fields`, each checked. Throws a ConfigError that lists every bad value and every key that is neither taken nor in `ignored`. */
export function readFields<Config extends object>(file: string, json: unknown, fields: Fields<Config>, ignored: readonly string[]): Config {
  if (!isObject(json)) throw new ConfigError(`${file}: expected an object, got ${describe(json)}`);
  const problems: string[] = [];
  const config = {} as Config;
  for (const key of Object.keys(fields) as (keyof Config & string)[]) {
    const value = Object.hasOwn(json, key) ? json[key] : undefined;
    try {
      const read = fields[key](value);
      if (read !== undefined) config[key] = read;
    } catch (error) {
      problems.push(problemOf(key, value, error));
    }
  }
  const known = new Set([...Object.keys(fields), ...ignored]);
  for (const [key, value] of Object.entries(json)) {
    if (!known.has(key) && value !== null) problems.push(`${key}: is not a key that is known here (value ${describe(value)})`);
  }
  if (problems.length > 0) throw new ConfigError(`${file}: ${problems.length} of its values cannot be taken:\n  ${problems.join('\n  ')}`);
  return config;
}
