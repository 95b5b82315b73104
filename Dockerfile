# The server, run as a user without rights and without a shell script in between. The embedded database and the generated
# secret are in /data; with MONGODB_URL nothing is written there. docs/hosting.md says how to run it.

FROM node:24-bookworm-slim AS program
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund
COPY server.ts ./
COPY shared ./shared
COPY server ./server
COPY hosting/health-check.ts ./hosting/health-check.ts
# Readable whatever the modes of the files in the checkout.
RUN chmod -R a+rX .

FROM node:24-bookworm-slim
RUN install -d -o node -g node -m 0700 /data
WORKDIR /app
COPY --from=program /app ./
ENV HOST=0.0.0.0 DATA_DIR=/data
VOLUME /data
EXPOSE 4380
# The image's user `node`, as a number, by which a cluster can tell that it is not root.
USER 1000:1000
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["node", "hosting/health-check.ts"]
CMD ["node", "server.ts"]
