// SPDX-License-Identifier: Apache-2.0
// The table of commands.
#include "front/cli/handlers.h"
#include "front/cli/help.h"

namespace tare::cli {
namespace {

using enum OptionKind;

constexpr std::string_view kNoPlatforms = "images of other machines are not there yet";

constexpr Option kGlobal[] = {
    {'D', "debug", Flag, "", "Tell with errors where in the program they came from"},
    {0, "root", Value, "directory", "Where images and containers are (default: $TARE_ROOT)"},
    {0, "store-max", Value, "size", "What the store may take: 40G, or 80% of the file system"},
    {'v', "version", Flag, "", "Print the version"},
    {0, "config", MissingValue, "", "there are no client configurations; see --root"},
    {'c', "context", MissingValue, "", "there is no daemon to choose; see --root", "default"},
    {'H', "host", MissingValue, "", "there is no daemon to connect to; see --root"},
    {'l', "log-level", MissingValue, "", "there is nothing between silence and --debug"},
    {0, "tls", MissingFlag, "", "there is no daemon to connect to"},
    {0, "tlscacert", MissingValue, "", "there is no daemon to connect to"},
    {0, "tlscert", MissingValue, "", "there is no daemon to connect to"},
    {0, "tlskey", MissingValue, "", "there is no daemon to connect to"},
    {0, "tlsverify", MissingFlag, "", "there is no daemon to connect to"},
};

constexpr Option kStart[] = {
    {'a', "attach", Flag, "", "Show its output and end with its exit code"},
    {0, "detach-keys", Value, "keys", "Keys that leave it running (default ctrl-p,ctrl-q)"},
    {'i', "interactive", Flag, "", "Pass standard input on"},
    {0, "sig-proxy", Flag, "", "Pass signals on to the program (on by default)", {}, true},
    {0, "checkpoint", MissingValue, "", "checkpoints are not there yet"},
    {0, "checkpoint-dir", MissingValue, "", "checkpoints are not there yet"},
};

constexpr Option kPs[] = {
    {'a', "all", Flag, "", "Also those that do not run"},
    {'f', "filter", List, "key=value",
     "Only some: ancestor, before, exited, id, label, name, network, since, status, volume"},
    {0, "format", Value, "format", "table, json, or a Go template as '{{.ID}} {{.Names}}'"},
    {'n', "last", Value, "number", "Only the last created ones, running or not"},
    {'l', "latest", Flag, "", "Only the last created one, running or not"},
    {0, "grants", Flag, "", "Also what weakens its protections"},
    {0, "no-trunc", Flag, "", "Do not shorten ids and commands"},
    {'q', "quiet", Flag, "", "Print ids only"},
    {'s', "size", Flag, "", "Also the size of what it wrote"},
};

constexpr Option kLogs[] = {
    {'f', "follow", Flag, "", "Go on with what comes, until the container exits"},
    {0, "since", Value, "time", "From a time (2026-01-02T13:23:37Z) or a span before now (42m)"},
    {'n', "tail", Value, "lines", "Only so many lines from the end, or all"},
    {'t', "timestamps", Flag, "", "Put the time before each line"},
    {0, "until", Value, "time", "Up to a time, or a span before now"},
    {0, "details", MissingFlag, "", "log lines carry no further details"},
};

constexpr Option kExec[] = {
    {'d', "detach", Flag, "", "Run in the background"},
    {0, "detach-keys", Value, "keys", "Keys that leave it running (default ctrl-p,ctrl-q)"},
    {'e', "env", List, "NAME=VALUE", "Set an environment variable"},
    {0, "env-file", List, "file", "Set the environment variables in a file, one a line"},
    {'i', "interactive", Flag, "", "Pass standard input on"},
    {'t', "tty", Flag, "", "Give it a terminal"},
    {'u', "user", Value, "user[:group]", "User and group inside, by name or number"},
    {'w', "workdir", Value, "path", "Working directory inside"},
    {0, "privileged", MissingFlag, "",
     "a process cannot have more than its container; start the container with --cap-add"},
};

constexpr Option kAttach[] = {
    {0, "detach-keys", Value, "keys", "Keys that leave it running (default ctrl-p,ctrl-q)"},
    {0, "no-stdin", Flag, "", "Do not pass standard input on"},
    {0, "sig-proxy", Flag, "", "Pass signals on to the program (on by default)", {}, true},
};

constexpr Option kStop[] = {
    {'s', "signal", Value, "signal", "Signal to send instead of the container's own"},
    {'t', "timeout", Value, "seconds", "Seconds to wait before it is killed; -1: for ever"},
    {0, "time", Value, "seconds", "", {}, false, true},
};

constexpr Option kKill[] = {{'s', "signal", Value, "signal", "Signal to send (default KILL)"}};

constexpr Option kRm[] = {
    {'f', "force", Flag, "", "Kill it first if it runs"},
    {0, "no-undo", Flag, "", "Remove for good, at once"},
    {'q', "quiet", Flag, "", "Print nothing unless it fails"},
    {'v', "volumes", Flag, "", "Also its anonymous volumes; there are none yet"},
    {'l', "link", MissingFlag, "", "links are not offered"},
};

constexpr Option kInspectFormat[] = {
    {'f', "format", Value, "format", "json, or a Go template as '{{.State.Pid}}'"},
};
constexpr Option kInspect[] = {
    {'s', "size", Flag, "", "Also the size of what a container wrote"},
    {0, "type", Value, "type", "Only a container, or only an image"},
};
constexpr Option kInspectContainer[] = {
    {'s', "size", Flag, "", "Also the size of what it wrote"},
    {0, "type", Value, "type", "", {}, false, true},
};
constexpr Option kInspectImage[] = {
    {0, "type", Value, "type", "", {}, false, true},
    {0, "platform", MissingValue, "", kNoPlatforms},
};

constexpr Option kProgress[] = {
    {0, "json", Flag, "", "Print progress and result as lines of JSON"},
    {'q', "quiet", Flag, "", "Do not show progress"},
};
constexpr Option kLoad[] = {
    {'i', "input", Value, "file", "Read this file instead of standard input"},
    {'n', "name", Value, "name", "Name of the image that a plain root-fs tar becomes"},
    {0, "platform", MissingValue, "", kNoPlatforms},
};
constexpr Option kImport[] = {
    {'c', "change", List, "instruction", "Set the configuration: 'CMD [\"sh\"]', 'ENV A=B', ..."},
    {'m', "message", Value, "text", "Comment in the image's history"},
    {0, "platform", MissingValue, "", kNoPlatforms},
};
constexpr Option kSave[] = {
    {0, "format", Value, "format", "docker-archive (default) or oci-archive"},
    {'o', "output", Value, "file", "Write to a file instead of standard output"},
    {0, "platform", MissingValue, "", kNoPlatforms},
};

constexpr Option kImages[] = {
    {'a', "all", Flag, "", "No difference here: there are no intermediate images"},
    {0, "digests", Flag, "", "Also the digests of manifests"},
    {'f', "filter", List, "key=value",
     "Only some: before, dangling, label, reference, since, until"},
    {0, "format", Value, "format", "table, json, or a Go template as '{{.Repository}} {{.Size}}'"},
    {0, "no-trunc", Flag, "", "Do not shorten ids"},
    {'q', "quiet", Flag, "", "Print ids only"},
    {0, "tree", MissingFlag, "", "a tree of platforms is not there yet"},
};
constexpr Option kRmi[] = {
    {'f', "force", Flag, "", "Also when a container uses it or it has several names"},
    {0, "no-prune", Flag, "", "No difference here: images have no parents"},
    {0, "no-undo", Flag, "", "Remove for good, at once"},
    {0, "platform", MissingValue, "", kNoPlatforms},
};
constexpr Option kHistory[] = {
    {0, "format", Value, "format", "table, json, or a Go template"},
    {'H', "human", Flag, "", "Sizes and times for people (on by default)", {}, true},
    {0, "no-trunc", Flag, "", "Do not shorten commands and ids"},
    {'q', "quiet", Flag, "", "Print ids only"},
    {0, "platform", MissingValue, "", kNoPlatforms},
};

constexpr Option kStats[] = {
    {'a', "all", Flag, "", "Also containers that do not run"},
    {0, "format", Value, "format", "table, json, or a Go template as '{{.Name}} {{.Pressure}}'"},
    {0, "no-stream", Flag, "", "Once, and not every second"},
    {0, "no-trunc", Flag, "", "Do not shorten ids"},
    {0, "pressure", Flag, "", "In how much of the time some and all of its tasks waited"},
};

constexpr Option kCheck[] = {
    {0, "json", Flag, "", "Print what is damaged as lines of JSON"},
    {'q', "quiet", Flag, "", "Print nothing but what is damaged"},
};
constexpr Option kFsck[] = {
    {0, "repair", Flag, "", "Mend what can be mended with what is here"},
};
constexpr Option kMount[] = {
    {'q', "quiet", Flag, "", "Do not show progress"},
};

// Space: df, undo, prune.
constexpr Option kDf[] = {
    {0, "check", Value, "percent", "Exit with 1 at this share of the budget, with 2 at 95"},
    {0, "format", Value, "format", "table, json, prometheus, or a Go template"},
    {0, "json", Flag, "", "The same as --format json"},
    {'v', "verbose", Flag, "", "Also each image and container"},
    {0, "why", Value, "path", "Whose a file of the store is, and what would free it"},
};
constexpr Option kUndo[] = {
    {0, "empty", Flag, "", "Remove for good what could be brought back"},
    {0, "format", Value, "format", "With --list: table, json, or a Go template"},
    {'l', "list", Flag, "", "Show what can be brought back, and until when"},
    {0, "name", Value, "name", "Another name for the container"},
};
constexpr Option kPruneAll[] = {
    {'a', "all", Flag, "", "All images that no container uses, not only those without a name"},
    {0, "volumes", Flag, "", "Also anonymous volumes; there are none yet"},
};
constexpr Option kPruneImages[] = {
    {'a', "all", Flag, "", "All that no container uses, not only those without a name"},
};
constexpr Option kPrune[] = {
    {0, "dry-run", Flag, "", "Only show what would be removed"},
    {0, "filter", List, "key=value", "Only some: until, label, label!"},
    {'f', "force", Flag, "", "Do not ask"},
    {0, "no-undo", Flag, "", "Remove for good, at once"},
};

constexpr Option kPack[] = {
    {0, "certs", Value, "when", "CA certificates: auto, on, off"},
    {0, "dlopen", Value, "when", "Libraries that programs say they open at run time"},
    {0, "dry-run", Flag, "", "Decide only, make no image"},
    {0, "explain", Flag, "", "Print every file with its size, package and reason"},
    {0, "from", Value, "directory", "Take the files from a root file system in this directory"},
    {0, "gconv", Value, "when", "Character sets of iconv"},
    {0, "licences", Value, "when", "Copyright files of the packages"},
    {0, "locale", List, "name", "Add a locale, as de_DE.UTF-8; the first becomes LANG"},
    {0, "nss", Value, "when", "Files and modules that look up users and hosts"},
    {0, "packages", Value, "when", "The list of packages, for scanners"},
    {0, "services", Value, "when", "/etc/services and /etc/protocols"},
    {'t', "tag", Value, "name", "Name of the image"},
    {0, "terminfo", Value, "when", "Descriptions of terminals"},
    {0, "with", List, "source[:path]", "Add a file or directory"},
    {0, "zones", Value, "when", "Time zones"},
};

// --- Registries ---
constexpr Option kTransfers[] = {
    {0, "json", Flag, "", "Print progress and result as lines of JSON"},
    {0, "rate", Value, "bytes", "At most so many bytes in a second, as 2m"},
    {0, "tls-verify", Flag, "", "Verify certificates, and ask for them (on by default)", {}, true},
};
constexpr Option kPull[] = {
    {'a', "all-tags", Flag, "", "All tags of the repository"},
    {0, "platform", Value, "os/arch", "The image for another kind of machine"},
    {'q', "quiet", Flag, "", "Print the name only"},
    {0, "disable-content-trust", Flag, "", "", {}, true, true},
};
constexpr Option kPush[] = {
    {'a', "all-tags", Flag, "", "All tags of the repository that are here"},
    {'q', "quiet", Flag, "", "Print the name only"},
    {0, "platform", MissingValue, "", "an image here is for one platform"},
    {0, "disable-content-trust", Flag, "", "", {}, true, true},
};

constexpr Option kVerify[] = {
    {0, "tls-verify", Flag, "", "Verify certificates, and ask for them (on by default)", {}, true},
};
constexpr Option kManifestInspect[] = {
    {0, "insecure", Flag, "", "The same as --tls-verify=false"},
    {0, "raw", Flag, "", "Byte for byte as the registry has it"},
    {'v', "verbose", Flag, "", "Also its digest, type and size"},
};
constexpr Option kSearch[] = {
    {'f', "filter", MissingValue, "", "search does not filter yet"},
    {0, "format", Value, "format", "table, json, or a Go template as '{{.Name}}'"},
    {0, "limit", Value, "number", "At most so many (default 25)"},
    {0, "no-trunc", Flag, "", "Do not shorten descriptions"},
};
constexpr Option kLogin[] = {
    {'p', "password", Value, "password", "Password or token; others can see it: see the next one"},
    {0, "password-stdin", Flag, "", "Read the password from standard input"},
    {0, "tls-verify", Flag, "", "Verify certificates, and ask for them (on by default)", {}, true},
    {'u', "username", Value, "user", "User at the registry"},
};

Result<int> print_man_page(Context& context, const Arguments&) {
  context.print(man_page());
  return 0;
}

Result<int> print_completion(Context& context, const Arguments& arguments) {
  context.print(TRY(completion_script(arguments.operands[0])));
  return 0;
}

constexpr std::string_view kOneContainer = "[OPTIONS] CONTAINER";
constexpr std::string_view kContainers = "[OPTIONS] CONTAINER [CONTAINER...]";
constexpr std::string_view kRunUsage = "[OPTIONS] IMAGE [COMMAND] [ARG...]";

// Members in order: name, other names, usage, summary, options, more options, least and most
// operands, options end at the first operand, what operands are, status of failures, function.
const Command command_table[] = {
    {"attach",
     "container attach",
     kOneContainer,
     "Attach to the streams of a running container",
     kAttach,
     {},
     1,
     1,
     false,
     Operands::Running,
     1,
     cmd_attach},
    {"completion",
     "",
     "bash|zsh|fish",
     "Print a script that completes commands in a shell",
     {},
     {},
     1,
     1,
     false,
     Operands::Anything,
     1,
     print_completion},
    {"create",
     "container create",
     kRunUsage,
     "Create a container without starting it",
     create_options(),
     {},
     1,
     -1,
     true,
     Operands::Images,
     125,
     cmd_create},
    {"exec",
     "container exec",
     "[OPTIONS] CONTAINER COMMAND [ARG...]",
     "Run a command in a running container",
     kExec,
     {},
     2,
     -1,
     true,
     Operands::Running,
     1,
     cmd_exec},
    {"fsck", "system check", "[OPTIONS] [IMAGE...]",
     "Compare what is stored with its digests, and mend it", kCheck, kFsck, 0, -1, false,
     Operands::Images, 1, cmd_fsck},
    {"history",
     "image history",
     "[OPTIONS] IMAGE",
     "Show how an image was made",
     kHistory,
     {},
     1,
     1,
     false,
     Operands::Images,
     1,
     cmd_history},
    {"images",
     "image ls,image list",
     "[OPTIONS] [REPOSITORY[:TAG]]",
     "List images",
     kImages,
     {},
     0,
     1,
     false,
     Operands::Images,
     1,
     cmd_images},
    {"import", "image import", "[OPTIONS] FILE|- [REPOSITORY[:TAG]]",
     "Make an image of a root file system in a tar archive", kImport, kProgress, 1, 2, false,
     Operands::Files, 1, cmd_import},
    {"info",
     "system info",
     "[OPTIONS]",
     "Show what this machine offers, and what is weaker without it",
     kInspectFormat,
     {},
     0,
     0,
     false,
     Operands::None,
     1,
     cmd_info},
    {"inspect", "", "[OPTIONS] NAME|ID [NAME|ID...]", "Show all about containers and images",
     kInspectFormat, kInspect, 1, -1, false, Operands::Containers, 1, cmd_inspect},
    {"container inspect", "", kContainers, "Show all about containers", kInspectFormat,
     kInspectContainer, 1, -1, false, Operands::Containers, 1, cmd_inspect},
    {"image inspect", "", "[OPTIONS] IMAGE [IMAGE...]", "Show all about images", kInspectFormat,
     kInspectImage, 1, -1, false, Operands::Images, 1, cmd_inspect},
    {"kill",
     "container kill",
     kContainers,
     "Send a signal to containers",
     kKill,
     {},
     1,
     -1,
     false,
     Operands::Running,
     1,
     cmd_kill},
    {"load", "image load", "[OPTIONS] [FILE|DIRECTORY]",
     "Load images from a docker or OCI archive, an OCI layout or a root-fs tar", kLoad, kProgress,
     0, 1, false, Operands::Files, 1, cmd_load},
    {"login",
     "",
     "[OPTIONS] [SERVER]",
     "Log in to a registry",
     kLogin,
     {},
     0,
     1,
     false,
     Operands::Anything,
     1,
     cmd_login},
    {"logout",
     "",
     "[SERVER]",
     "Forget the password for a registry",
     {},
     {},
     0,
     1,
     false,
     Operands::Anything,
     1,
     cmd_logout},
    {"logs",
     "container logs",
     kOneContainer,
     "Print what a container wrote",
     kLogs,
     {},
     1,
     1,
     false,
     Operands::Containers,
     1,
     cmd_logs},
    {"man",
     "",
     "",
     "Print the manual page, for 'man -l -'",
     {},
     {},
     0,
     0,
     false,
     Operands::None,
     1,
     print_man_page},
    {"mount", "image mount", "[OPTIONS] IMAGE DIRECTORY",
     "Attach the files of an image to a directory, read-only", kMount, {}, 2, 2, false,
     Operands::Images, 1, cmd_mount},
    {"pack", "", "[OPTIONS] PROGRAM [PROGRAM...]",
     "Make the minimal image of programs of this machine", kPack, kProgress, 1, -1, false,
     Operands::Files, 1, cmd_pack},
    {"manifest inspect", "", "[OPTIONS] NAME[:TAG|@DIGEST]",
     "Show the manifest or index that a name stands for", kManifestInspect, kVerify, 1, 1, false,
     Operands::Images, 1, cmd_manifest_inspect},
    {"pause",
     "container pause",
     "CONTAINER [CONTAINER...]",
     "Stop all processes of containers, until unpause",
     {},
     {},
     1,
     -1,
     false,
     Operands::Running,
     1,
     cmd_pause},
    {"ps",
     "container ls,container list,container ps",
     "[OPTIONS]",
     "List containers",
     kPs,
     {},
     0,
     0,
     false,
     Operands::None,
     1,
     cmd_ps},
    {"pull", "image pull", "[OPTIONS] NAME[:TAG|@DIGEST]", "Get an image from a registry", kPull,
     kTransfers, 1, 1, false, Operands::Images, 1, cmd_pull},
    {"push", "image push", "[OPTIONS] NAME[:TAG]", "Send an image to its registry", kPush,
     kTransfers, 1, 1, false, Operands::Images, 1, cmd_push},
    {"referrers",
     "",
     "[OPTIONS] NAME[:TAG|@DIGEST]",
     "List what refers to an image in its registry: signatures, lists of packages",
     kVerify,
     {},
     1,
     1,
     false,
     Operands::Images,
     1,
     cmd_referrers},
    {"rename",
     "container rename",
     "CONTAINER NEW_NAME",
     "Rename a container",
     {},
     {},
     2,
     2,
     false,
     Operands::Containers,
     1,
     cmd_rename},
    {"rm",
     "container rm,container remove",
     kContainers,
     "Remove containers",
     kRm,
     {},
     1,
     -1,
     false,
     Operands::Containers,
     1,
     cmd_rm},
    {"rmi",
     "image rm,image remove",
     "[OPTIONS] IMAGE [IMAGE...]",
     "Remove images",
     kRmi,
     {},
     1,
     -1,
     false,
     Operands::Images,
     1,
     cmd_rmi},
    {"run", "container run", kRunUsage, "Create a container and run it", create_options(),
     run_options(), 1, -1, true, Operands::Images, 125, cmd_run},
    {"save", "image save", "[OPTIONS] IMAGE [IMAGE...]", "Write images into an archive", kSave,
     kProgress, 1, -1, false, Operands::Images, 1, cmd_save},
    {"search", "", "[OPTIONS] [REGISTRY/]TERM",
     "Search for images at Docker Hub, or in the catalogue of a registry", kSearch, kVerify, 1, 1,
     false, Operands::Anything, 1, cmd_search},
    {"start",
     "container start",
     kContainers,
     "Start containers",
     kStart,
     {},
     1,
     -1,
     false,
     Operands::Containers,
     1,
     cmd_start},
    {"stats",
     "container stats",
     "[OPTIONS] [CONTAINER...]",
     "Show what containers use",
     kStats,
     {},
     0,
     -1,
     false,
     Operands::Running,
     1,
     cmd_stats},
    {"stop",
     "container stop",
     kContainers,
     "Stop containers, kindly first",
     kStop,
     {},
     1,
     -1,
     false,
     Operands::Running,
     1,
     cmd_stop},
    {"tag",
     "image tag",
     "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
     "Give an image a further name",
     {},
     {},
     2,
     2,
     false,
     Operands::Images,
     1,
     cmd_tag},
    {"top",
     "container top",
     "CONTAINER",
     "Show the processes of a container",
     {},
     {},
     1,
     -1,
     true,
     Operands::Running,
     1,
     cmd_top},
    {"umount", "image umount,image unmount", "DIRECTORY",
     "Take away what mount attached", {}, {}, 1, 1, false, Operands::Files, 1, cmd_umount},
    {"unpause",
     "container unpause",
     "CONTAINER [CONTAINER...]",
     "Let paused containers go on",
     {},
     {},
     1,
     -1,
     false,
     Operands::Running,
     1,
     cmd_unpause},
    {"df",
     "system df",
     "[OPTIONS]",
     "Show what takes space in the store, and whose it is",
     kDf,
     {},
     0,
     0,
     false,
     Operands::None,
     1,
     cmd_df},
    {"undo",
     "system undo",
     "[OPTIONS] [NAME|ID...]",
     "Bring back what was removed last, or what is named",
     kUndo,
     {},
     0,
     -1,
     false,
     Operands::Anything,
     1,
     cmd_undo},
    {"container prune",
     "",
     "[OPTIONS]",
     "Remove all stopped containers",
     {},
     kPrune,
     0,
     0,
     false,
     Operands::None,
     1,
     cmd_prune},
    {"image prune", "", "[OPTIONS]", "Remove images that nothing uses", kPruneImages, kPrune, 0, 0,
     false, Operands::None, 1, cmd_prune},
    {"system prune", "", "[OPTIONS]", "Remove stopped containers and unused images", kPruneAll,
     kPrune, 0, 0, false, Operands::None, 1, cmd_prune},
    {"update",
     "container update",
     kContainers,
     "Change limits of containers, of running ones at once",
     update_options(),
     {},
     1,
     -1,
     false,
     Operands::Containers,
     1,
     cmd_update},
    {"verify", "image verify", "[OPTIONS] [IMAGE...]",
     "Read all bytes of images again and compare them with their digests", kCheck, {}, 0, -1,
     false, Operands::Images, 1, cmd_verify},
    {"version",
     "",
     "[OPTIONS]",
     "Show the version",
     kInspectFormat,
     {},
     0,
     0,
     false,
     Operands::None,
     1,
     cmd_version},
    {"wait",
     "container wait",
     "CONTAINER [CONTAINER...]",
     "Wait until containers exit, and print their exit codes",
     {},
     {},
     1,
     -1,
     false,
     Operands::Running,
     1,
     cmd_wait},
};

constexpr CommandGroup kGroups[] = {
    {"container", "Commands for containers"},
    {"image", "Commands for images"},
    {"manifest", "Commands for manifests in registries"},
    {"system", "Commands for the engine as a whole"},
};

constexpr std::string_view kNoSwarm =
    "Tare runs containers on one machine and has no swarm; Kubernetes or Nomad run many";
constexpr std::string_view kNoBuild =
    "building is not there yet; 'tare import' and 'tare pack' make images";
constexpr std::string_view kNoNetwork =
    "networks of our own are not there yet; --network none and host are";
constexpr std::string_view kNoVolume =
    "volumes are not there yet; -v /path/on/host:/path mounts a directory";
constexpr std::string_view kNoCopy =
    "copying is not there yet; 'tare exec CONTAINER tar -c PATH' writes files to standard output";
constexpr std::string_view kNoDaemon =
    "there is no daemon, so there are no contexts to choose from";
constexpr std::string_view kNoPlugins = "there are no plugins, and none are planned";

constexpr MissingCommand kMissing[] = {
    {"swarm", kNoSwarm},
    {"service", kNoSwarm},
    {"stack", kNoSwarm},
    {"node", kNoSwarm},
    {"secret", kNoSwarm},
    {"config", kNoSwarm},
    {"plugin", kNoPlugins},
    {"checkpoint", "checkpoints are not there yet"},
    {"context", kNoDaemon},
    {"trust", "signatures are not there yet; every digest is verified, always"},
    {"build", kNoBuild},
    {"image build", kNoBuild},
    {"builder", kNoBuild},
    {"buildx", kNoBuild},
    {"commit", "making an image of a container is not there yet"},
    {"container commit", "making an image of a container is not there yet"},
    {"compose", "compose files are not there yet"},
    {"cp", kNoCopy},
    {"container cp", kNoCopy},
    {"diff", "showing what a container changed is not there yet"},
    {"container diff", "showing what a container changed is not there yet"},
    {"events", "events are not there yet"},
    {"system events", "events are not there yet"},
    {"export", kNoCopy},
    {"container export", kNoCopy},
    {"network", kNoNetwork},
    {"port", "publishing ports is not there yet"},
    {"container port", "publishing ports is not there yet"},
    {"restart", "restarting is not there yet; 'tare stop' and 'tare start' do it in two steps"},
    {"container restart",
     "restarting is not there yet; 'tare stop' and 'tare start' do it in two steps"},
    {"volume", kNoVolume},
};

}  // namespace

std::span<const Command> commands() { return command_table; }
std::span<const MissingCommand> missing_commands() { return kMissing; }
std::span<const Option> global_options() { return kGlobal; }
std::span<const CommandGroup> command_groups() { return kGroups; }

}  // namespace tare::cli
