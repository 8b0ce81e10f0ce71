// Serves the compiled program of FOLDER to one engine, as Pulumi's Automation API serves a program of its own: node serve.js FOLDER.
// It prints the port, for `pulumi up --client`. No language host is needed, which cannot be had everywhere.
const { createRequire } = require("node:module");

const load = createRequire(`${process.argv[2]}/package.json`);
const grpc = load("@grpc/grpc-js");
const { LanguageServer } = load("@pulumi/pulumi/automation/server");
const { LanguageRuntimeService } = load("@pulumi/pulumi/proto/language_grpc_pb");

const server = new grpc.Server();
server.addService(LanguageRuntimeService, new LanguageServer(async () => load("./bin/index.js")));
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
    if (error) {
        throw error;
    }
    console.log(port);
});
