import { signal } from '@preact/signals';

/** The part of the address behind `#`: '/', '/pronounce', '/it'. */
export const route = signal(current());

/** Follows the address; called once. */
export function followAddress(): void {
  addEventListener('hashchange', () => {
    route.value = current();
    scrollTo(0, 0);
  });
}

function current(): string {
  return location.hash.slice(1) || '/';
}
