//! `ferrolb convert`: the configuration of old versions of MetalLB as objects of today.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use k8s_adapter::flags::DEFAULT_NAMESPACE;
use k8s_adapter::legacy::{Documents, convert_data, convert_manifests};

/// Convert the ConfigMap of MetalLB 0.9 to 0.12, and AddressPools of 0.13, to the objects of today.
///
/// The objects are written to resources.yaml, or printed with --stdout. Options and names are those of MetalLB's own
/// converter. What cannot be converted is told on the standard error; then nothing is written, and the status is 1.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The file to convert: manifests with a ConfigMap or AddressPools among them; - is the standard input.
    #[arg(long, value_name = "FILE", default_value = "./config.yaml")]
    source: PathBuf,
    /// The file is the text of the ConfigMap's key config alone.
    #[arg(long)]
    only_data: bool,
    /// Print the objects.
    #[arg(long)]
    stdout: bool,
    /// The namespace of what names none.
    #[arg(long, env = "METALLB_NAMESPACE", default_value = DEFAULT_NAMESPACE)]
    namespace: String,
}

/// Why nothing could be converted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConvertError {
    /// The file cannot be read.
    #[error("cannot read {}", file.display())]
    Read {
        file: PathBuf,
        #[source]
        source: io::Error,
    },
    /// The objects cannot be written.
    #[error("cannot write {}", file.display())]
    Write {
        file: PathBuf,
        #[source]
        source: io::Error,
    },
    /// The objects cannot be put into YAML.
    #[error("cannot write the objects as YAML")]
    Yaml(#[from] serde_saphyr::SerializeError),
}

/// Writes the objects. The status is 1 when something cannot be converted.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, ConvertError> {
    let file = &arguments.source;
    let text = read(file).map_err(|source| ConvertError::Read {
        file: file.clone(),
        source,
    })?;
    let converted = if arguments.only_data {
        convert_data(&text, &arguments.namespace)
    } else {
        convert_manifests(&text, &arguments.namespace)
    };
    for finding in &converted.findings {
        let weight = if finding.is_fault() { "error" } else { "note" };
        eprintln!("{weight}: {}: {finding}", file.display());
    }
    if converted.findings.iter().any(|finding| finding.is_fault()) {
        return Ok(ExitCode::FAILURE);
    }
    let yaml = yaml(&converted)?;
    let (file, written) = if arguments.stdout {
        (Path::new("the standard output"), print(&yaml))
    } else {
        (Path::new(RESOURCES), fs::write(RESOURCES, &yaml))
    };
    written.map_err(|source| ConvertError::Write {
        file: file.to_owned(),
        source,
    })?;
    Ok(ExitCode::SUCCESS)
}

fn read(file: &Path) -> io::Result<String> {
    if file == Path::new("-") {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text)?;
        return Ok(text);
    }
    fs::read_to_string(file)
}

fn yaml(converted: &Documents) -> Result<String, ConvertError> {
    let mut text = serde_saphyr::to_string_multiple(&converted.objects)?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// The command line with the options of `convert` as they are written here: MetalLB's converter takes them with a
/// single dash too.
pub(crate) fn long_flags(
    arguments: impl Iterator<Item = OsString>,
) -> impl Iterator<Item = OsString> {
    let mut is_convert = false;
    arguments.enumerate().map(move |(index, argument)| {
        is_convert |= index == 1 && argument == "convert";
        let name = argument.to_str().and_then(|text| text.strip_prefix('-'));
        let is_short = name.is_some_and(|name| {
            let name = name.split('=').next().unwrap_or_default();
            ["source", "only-data", "stdout"].contains(&name)
        });
        if is_convert && is_short {
            let mut long = OsString::from("-");
            long.push(&argument);
            return long;
        }
        argument
    })
}

/// Where the objects are written.
const RESOURCES: &str = "resources.yaml";
