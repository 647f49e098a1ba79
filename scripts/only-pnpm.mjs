// Runs before any install: npm or yarn would ignore the lockfile and the workspace.
if (!process.env.npm_config_user_agent?.startsWith('pnpm/')) {
  console.error('This is a pnpm workspace. `npm run setup` installs it and fetches the pinned pnpm by itself.');
  process.exit(1);
}
