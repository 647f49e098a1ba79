const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const months = 'January February March April May June July August September October November December'.split(' ');

/** A local time as Python's `strftime` writes it in the C locale. Directives that it does not have stay as they are. */
export function strftime(date: Date, format: string): string {
  const pad = (number: number, width = 2) => String(number).padStart(width, '0');
  const day = days[date.getDay()]!;
  const month = months[date.getMonth()]!;
  const hour = date.getHours();
  const offset = -date.getTimezoneOffset();
  const dayOfYear = Math.round(
    (Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) - Date.UTC(date.getFullYear(), 0, 1)) / 86_400_000,
  );
  const directives: Readonly<Record<string, () => string>> = {
    a: () => day.slice(0, 3),
    A: () => day,
    b: () => month.slice(0, 3),
    B: () => month,
    d: () => pad(date.getDate()),
    H: () => pad(hour),
    I: () => pad(hour % 12 || 12),
    j: () => pad(dayOfYear + 1, 3),
    m: () => pad(date.getMonth() + 1),
    M: () => pad(date.getMinutes()),
    p: () => (hour < 12 ? 'AM' : 'PM'),
    S: () => pad(date.getSeconds()),
    w: () => String(date.getDay()),
    y: () => pad(date.getFullYear() % 100),
    Y: () => String(date.getFullYear()),
    z: () => `${offset < 0 ? '-' : '+'}${pad(Math.floor(Math.abs(offset) / 60))}${pad(Math.abs(offset) % 60)}`,
    D: () => strftime(date, '%m/%d/%y'),
    F: () => strftime(date, '%Y-%m-%d'),
    R: () => strftime(date, '%H:%M'),
    T: () => strftime(date, '%H:%M:%S'),
    '-d': () => String(date.getDate()),
    '-m': () => String(date.getMonth() + 1),
    '%': () => '%',
  };
  return format.replace(/%(-?[a-zA-Z%])/g, (whole, name: string) => (Object.hasOwn(directives, name) ? directives[name]!() : whole));
}
